"""How the embedded model is made: data, tokenizers, networks, training, export, measurement."""
