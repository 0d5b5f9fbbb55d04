"""What a run was: recipes, their files and differences."""
