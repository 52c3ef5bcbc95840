"""What a run came to: aggregates of its trials, and the views of them that screens and reports show.

`rows` (a trial as numbers) go into `columns` (a variant's cells); `results` holds them. `figures` (one variant),
`pairs` (two), `matrix` (cases × variants, filtered and sorted), `grid` (over two settings), `against` (an earlier run),
`drill` (a case's trials), `summary` (JSON). Texts stay in the history.
"""
