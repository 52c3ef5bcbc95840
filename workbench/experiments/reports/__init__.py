"""A run as a file that others can read: HTML, Markdown, CSV, JSON lines, JUnit XML; each with what runs it again.

`opening` makes a `Report` of a run or a file, `formats` writes it; a module a format, on `words` (what all of them say) and
`again`.
"""
