"""What a stage costs a month, from its templates, its manifests and its usage profile: `python -m cdk.cost`.

`inputs` synthesizes a stage, `resources` and `pods` turn what they find into quantities, `bill` prices them with the
dated table of `prices`, `refresh` renews that table, and `comparison` shows what a change costs.
"""
