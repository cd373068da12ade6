"""What is known of English, in one folder: the filters read it, and a translation would start here.

`vocabulary` and `inflection` know words and their forms; `pointing`, `clauses` and the modules of claims read texts.
None of them judges: what a text may say is for the filters.
"""
