"""Catalogue: terms on features of both domains; `build(feature_dim, n_classes, *, …) -> nn.Module`.

An entry that compares what source and target are called says `ONE_QUESTION = True`: a source with other classes is then
refused before the first picture is read. Where code of one's own builds a module, `one_question` of it says the same.
"""
