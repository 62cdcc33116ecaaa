"""How well a scoring tells close contacts from distant ones, on recordings with known distances (SPEC.md 17).

From the bottom: `readings` (the one table that every form of recording becomes), the readers, `detection` (which form
a file has), `truth` (who was how near for how long), `contacts` (what is judged), `judging` (what a scoring says),
`statistics` (rates, curves, intervals), `fitting` (calibration of devices), `report` and `charts`.
"""
