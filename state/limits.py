"""How much is read of files that somebody else may have written, and so how much is written. SECURITY.md lists these numbers.

The time to read a file grows with its bytes; what could grow faster (depth, digits, colliding keys) has a limit of its own.
"""

LARGEST_JSON = 20_000_000
"""Bytes. The longest files that pipelines bring are tokenizers' word lists, which are not read as JSON here."""
MOST_ITEMS = 2_000_000
"""Values, lists and objects in one JSON text: an empty list is two bytes in a file and sixty in memory."""
DEEPEST = 50
"""Levels of lists and objects in JSON."""
DEEPEST_DATA = 30
"""Levels of one value that is written as data, which leaves some for the file around it."""
DEEPEST_VALUES = 100
"""Levels in the notes of a file of values, where a list takes two."""
LONGEST_NUMBER = 400
"""Digits. Python's own time for a whole number grows with the square of them."""

LARGEST_YAML = 256_000
"""Bytes of a workflow file."""
MOST_YAML_ITEMS = 10_000
LARGEST_SLOW_YAML = 8_000
"""Bytes, where PyYAML was installed without libyaml: its own parser takes a hundred times as long."""
DEEPEST_YAML = 40

LARGEST_RECIPE = 1 << 20
"""Bytes of a recipe, in a JSON file or unpacked from an image."""
MOST_CHUNKS = 100_000
"""Parts of a PNG file."""
LARGEST_GUIDER = 1_000_000
"""Bytes of `guider_config.json`."""
LARGEST_CODE = 500_000
"""Bytes of all code that is read of one repository. Python's own parser takes up to 8 ms for a thousand of them."""
MOST_CODE_FILES = 200
"""Files of it."""

LARGEST_HEADER = 1 << 25
"""Bytes of the list of tensors at the beginning of a safetensors file."""
MOST_TENSORS = 100_000
"""In one safetensors file."""
LARGEST_VALUES = 1 << 34
"""Bytes of a file of values, such as a snapshot."""
MOST_OTHER_KEYS = 2_000
"""Keys of one written mapping that are no text: only those of text cannot be chosen so that they collide."""
LARGEST_PICTURE_FILE = 100_000_000
"""Bytes of an image."""
MOST_PIXELS = 80_000_000
"""Of an image that is decoded; below the number at which Pillow begins to warn."""
MOST_BLOCKS = 2_000
"""In one composition."""
MOST_REQUIREMENTS = 200
"""Packages that one repository needs."""

PARTS_OF_A_MODEL = 2_000
"""Modules and parameters that any model may have when it is made, whatever its files hold."""
PARTS_PER_TENSOR = 10
"""More of them, for each tensor of its files: the models of diffusers and transformers have up to 3.6."""
BYTES_PER_PART = 1_000
"""Of its files, for one more: a file may hold all experts of a layer in one tensor, and each of them has more bytes than that."""
NUMBERS_OF_A_MODEL = 1 << 26
"""Numbers in its parameters that any may have."""
NUMBERS_PER_BYTE = 16
"""More of them: there are number formats of one bit, and weights that are used twice count twice."""
PARTS_WITHOUT_FILES = 50_000
"""Of a model that is made of a configuration alone."""
NUMBERS_WITHOUT_FILES = 1 << 36
MOST_TIMESTEPS = 1_000_000
"""Of a noise schedule, which has a table with a row for each; all that are known have 1000."""
