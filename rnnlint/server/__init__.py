"""``rnnlint server``: the editor's side, over the Language Server Protocol (the extra ``lsp``).

As the text changes it is read; when it is saved it is also run, in a process of its own that ends as soon as
the text changes again. Reading and running say the same of a text as the command line does.
"""
