"""A run as a file that others can read: HTML, Markdown, CSV, JSON lines, JUnit XML; each with what runs it again.

`report` writes one: `opening` makes a `Report` of a run, `formats` writes it; a module a format, on `words` (what all
of them say) and `again` (what runs it again). HTML is `html` on `markup`, `page_data`, page.css and page.js.
"""
