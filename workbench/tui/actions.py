"""The one registry of actions: what a person can do, where, and by which key. Data only; no textual here.

It feeds the bindings, the footer, help, the palette, `workbench keys` and docs/keys.md. Every default key is one that a
legacy terminal sends (tmux, no Kitty protocol).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Action:
    """`id` is stable (a keymap names it), `keys` are Textual's names, `where` the screen, `do` the action's method."""

    id: str
    title: str
    keys: tuple[str, ...]
    where: str
    do: str
    footer: str = ""  # a short word when it belongs in the footer


def _a(id: str, title: str, keys: str, do: str = "", footer: str = "") -> Action:
    where, name = id.split(".", 1)
    return Action(id, title, tuple(keys.split()), where, do or name.replace("-", "_"), footer)


# `where`: app = everywhere; compare, history, … = that screen; lanes = that screen while no text is edited;
# answer = a focused answer; dialog = any dialog.
ACTIONS: tuple[Action, ...] = (
    _a("app.help", "keys of the place you are in", "f1 question_mark", "app.help", "help"),
    _a("app.palette", "find an action by name", "ctrl+p", "app.palette"),
    _a("app.theme", "next theme", "f9", "app.next_theme"),
    _a("app.library", "prompt library, and back to the lanes", "f2", "app.library", "library"),
    _a("app.gauges", "gauges: a minute of GPU, memory, power, speed and batch", "ctrl+t", "app.gauges"),
    _a("app.quit", "quit", "ctrl+q", "app.quit"),
    _a("compare.run", "run: send the message to all lanes", "f5 ctrl+r", footer="run"),
    _a("compare.again", "run again with the next seed", "f6", footer="again"),
    _a("compare.stop-all", "stop all lanes", "f8 ctrl+x", footer="stop"),
    _a("compare.models", "models: what is here, does it fit, fetch and delete", "f12", "models"),
    _a("compare.history", "history: what ran before", "f4", footer="history"),
    _a("compare.experiments", "experiments: files, what runs, what came of it", "ctrl+o"),
    _a("compare.leave-message", "leave the message box for the lanes", "escape"),
    _a("compare.new-conversation", "new conversation", "ctrl+n"),
    _a("compare.maximise", "one lane over the whole width, and back", "f3"),
    _a("compare.toggle-mode", "fast or strict", "f7"),
    _a("compare.toggle-coupled", "coupled dice on or off", "f10"),
    _a("compare.next-lane", "next lane", "ctrl+right"),
    _a("compare.previous-lane", "previous lane", "ctrl+left"),
    _a("lanes.message", "back to the message box", "i enter", "message"),
    _a("lanes.rerun", "run this lane again, same seed; restarts a failed model", "r", "rerun"),
    _a("lanes.number", "the lane of that number", "1 2 3 4 5 6 7 8", "lane(1)"),
    _a("lanes.prompt", "change the lane's prompt", "p", footer="prompt"),
    _a("lanes.model", "change the lane's model", "m", footer="model"),
    _a("lanes.sampling", "change the lane's sampling", "s", footer="sampling"),
    _a("lanes.instructions", "custom instructions: about me, how to answer", "o"),
    _a("lanes.add", "add a lane", "a", "add_lane"),
    _a("lanes.duplicate", "duplicate the lane, conversation too", "D", "duplicate_lane"),
    _a("lanes.remove", "remove the lane", "X", "remove_lane"),
    _a("lanes.restore", "bring back the lane that was removed", "u", "restore_lane"),
    _a("lanes.move-left", "move the lane left", "less_than_sign", "move_lane(-1)"),
    _a("lanes.move-right", "move the lane right", "greater_than_sign", "move_lane(1)"),
    _a("lanes.stop", "stop the lane", "x", "stop_lane"),
    _a("lanes.view", "plain, Markdown, monospace", "v", "view"),
    _a("lanes.diff", "differences with another lane, word by word", "d", "diff", footer="diff"),
    _a("lanes.scroll-together", "scroll lanes together or apart", "t", "scroll_together"),
    _a("lanes.copy", "copy the answer", "c y", "copy"),
    _a("lanes.edit", "open the prompt in $VISUAL or $EDITOR", "e", "edit_prompt"),
    _a("lanes.find", "find in the answer", "slash", "find"),
    _a("lanes.find-next", "next match", "n", "find_next(1)"),
    _a("lanes.find-previous", "previous match", "N", "find_next(-1)"),
    _a("lanes.next", "next lane", "l tab", "next_lane"),
    _a("lanes.previous", "previous lane", "h shift+tab", "previous_lane"),
    _a("lanes.restart", "restart the lane's model", "R", "restart"),
    _a("lanes.vote", "vote blind on the answers; from there the ranking", "V", "vote", "vote"),
    _a("lanes.tokens", "tokens: of the message, the rendered prompt, the answer, any text", "T", "tokens"),
    _a("lanes.context", "context: what fills it, and what is forgotten when it is too small", "K", "context"),
    _a("lanes.attribution", "leave one out: what the answer hangs on", "L", "attribution"),
    _a("lanes.experiment", "turn this into an experiment", "E"),
    _a("lanes.divergence", "where two answers part, token by token", "W"),
    _a("lanes.crossing", "cross-scores: each answer after the other's prompt", "S"),
    _a("lanes.association", "association: which words a context makes likelier", "A"),
    _a("lanes.microscope", "sampler microscope: who removed what, and other settings tried", "M", "microscope"),
    _a("lanes.needle", "needle probe: does a fact survive a long text, at which depth", "H"),
    _a("answer.up", "a line up", "up k", "scroll(-1)"),
    _a("answer.down", "a line down", "down j", "scroll(1)"),
    _a("answer.page-up", "a page up", "pageup ctrl+b", "page(-1)"),
    _a("answer.page-down", "a page down", "pagedown space ctrl+f", "page(1)"),
    _a("answer.top", "to the beginning", "home g", "top"),
    _a("answer.bottom", "to the end; follow the stream", "end G", "bottom"),
    _a("library.save", "save: a new version", "ctrl+s", footer="save"),
    _a("library.save-noted", "save with a note", "f8"),
    _a("library.try", "compare: put the prompt in a lane and go there", "f5 ctrl+r", "try_it", "compare"),
    _a("library.versions", "versions: history, differences, labels, restore", "f4", footer="versions"),
    _a("library.form", "form or TOML", "f6", footer="form"),
    _a("library.preview", "rendered prompt on or off", "f3"),
    _a("library.model", "the model that counts tokens", "f7"),
    _a("library.new", "new prompt", "ctrl+n", footer="new"),
    _a("library.edit", "open in $VISUAL or $EDITOR", "f10"),
    _a("library.problem", "to the next problem", "ctrl+g"),
    _a("library.back", "from the editor to the list, from the list to the lanes", "escape"),
    _a("cards.edit", "edit the prompt", "enter", "edit_text"),
    _a("cards.search", "search; filters kind: tag: label:", "slash", "search"),
    _a("cards.new", "new prompt", "n", "new"),
    _a("cards.duplicate", "duplicate the prompt", "D", "duplicate"),
    _a("cards.move", "rename or move it; history and labels go with it", "m", "move"),
    _a("cards.delete", "delete it (u brings it back)", "X", "delete"),
    _a("cards.restore", "bring back a deleted prompt", "u", "restore"),
    _a("cards.label", "label its version: production, candidate, …", "b", "label"),
    _a("cards.versions", "versions", "v", "versions"),
    _a("cards.compare", "put it in a lane and go there", "c", "try_it"),
    _a("cards.associate", "measure an association template", "A"),
    _a("cards.open", "open in $VISUAL or $EDITOR", "e", "edit"),
    _a("cards.revert", "give up what is not saved", "R", "revert"),
    _a("list.up", "a row up", "up k", "step(-1)"),
    _a("list.down", "a row down", "down j", "step(1)"),
    _a("list.page-up", "a page up", "pageup ctrl+b", "page(-1)"),
    _a("list.page-down", "a page down", "pagedown space", "page(1)"),
    _a("list.first", "the first row", "home g", "first"),
    _a("list.last", "the last row", "end G", "last"),
    _a("list.take", "take the row", "enter", "take"),
    _a("versions.compare", "compare this version with the present one", "c", footer="compare"),
    _a("versions.restore", "restore this version", "r", footer="restore"),
    _a("versions.label", "label this version", "b", footer="label"),
    _a("versions.side", "side by side, or in one column", "s", "side", "side by side"),
    _a(
        "versions.base", "differences with the version before, the present text, the marked one", "d", "base", "against"
    ),
    _a("versions.mark", "mark: see the differences of any other with this one", "x", "mark", "mark"),
    _a("versions.copy", "copy the version's text", "y", "copy"),
    _a("versions.leave", "back to the library", "escape q f4", "leave"),
    _a("conflict.mine", "keep mine", "k", "mine"),
    _a("conflict.theirs", "take theirs", "t", "theirs"),
    _a("conflict.merge", "merge both into the editor", "m", "merge"),
    _a("conflict.leave", "decide later", "escape", "leave"),
    _a("models.read", "its page, to scroll", "tab", "read"),
    _a("models.hub", "search the hub and fetch a model", "h slash", "hub", "hub"),
    _a("models.settings", "how it is loaded: context, threads, GPU layers, cache, …", "s", "settings", "load settings"),
    _a("models.reload", "load it again, as it is set now", "l", "reload"),
    _a("models.tune", "measure its fastest load settings", "t", "tune", "tune"),
    _a("models.downloads", "downloads: pause, resume, give up", "d", "downloads"),
    _a("models.delete", "delete the model", "X", "delete", "delete"),
    _a("models.again", "look for models again", "r", "again"),
    _a("models.leave", "back to the lanes", "escape q f12", "leave"),
    _a("hub.search", "to the search line", "slash", "search", "search"),
    _a("hub.order", "order: downloads, trending, likes, new", "o", "order", "order"),
    _a("hub.read", "its page, to scroll", "tab", "read", "page"),
    _a("hub.downloads", "downloads: pause, resume, give up", "d", "downloads", "downloads"),
    _a("hub.leave", "back: page, files, repositories, models", "escape", "leave"),
    _a("downloads.pause", "pause it, or go on", "p", "pause", "pause or go on"),
    _a("downloads.cancel", "give it up, after a question", "x", "cancel", "give up"),
    _a("downloads.leave", "back", "escape q d", "leave"),
    _a("tune.stop", "measure no more", "x", "stop"),
    _a("tune.keep", "keep the proposal", "a", "keep"),
    _a("tune.leave", "leave without a change", "escape q", "leave"),
    _a("history.open", "open the run, then the trial", "enter"),
    _a("history.search", "search; filters kind: model: prompt: finish: tag: since:", "slash", "search", "search"),
    _a("history.replay", "run the trial again as it was made; shows where it departs", "r", "replay", "replay"),
    _a("history.reuse", "take its message into the message box", "u", "reuse", "take message"),
    _a("history.diff", "the run's answers beside each other, differences marked", "d", "diff"),
    _a("history.tag", "tag the run (kept: it is never pruned)", "t", "tag", "tag"),
    _a("history.note", "write a note on the run", "n", "note", "note"),
    _a("history.export", "export the run, or all that were found, as JSON lines", "e", "export", "export"),
    _a("history.copy", "copy the answer", "y c", "copy"),
    _a("history.delete", "delete the run (asks)", "X", "delete", "delete"),
    _a("history.vote", "vote blind on the run's answers", "V"),
    _a("history.results", "results: cases × variants, charts, an earlier run", "m", footer="results"),
    _a("history.leave", "back to the lanes", "escape q f4", "leave"),
    _a("matrix.up", "a case up", "up k", "step(-1)"),
    _a("matrix.down", "a case down", "down j", "step(1)"),
    _a("matrix.left", "a variant to the left", "left h", "side(-1)"),
    _a("matrix.right", "a variant to the right", "right l", "side(1)"),
    _a("matrix.page-up", "a page up", "pageup ctrl+b", "page(-1)"),
    _a("matrix.page-down", "a page down", "pagedown space ctrl+f", "page(1)"),
    _a("matrix.first", "the first case", "home g", "first"),
    _a("matrix.last", "the last case", "end G", "last"),
    _a("matrix.take", "the cell's trials: answers whole, checks with reasons", "enter", "take"),
    _a("results.diff", "the case's answers beside each other, differences marked", "d", footer="diff"),
    _a("results.filter", "all cases, failed, differing, with errors, running", "f", footer="filter"),
    _a("results.search", "only cases with these words in their names", "slash", "search", "search"),
    _a("results.sort", "order: plan, case, score, difference", "s", footer="sort"),
    _a("results.sort-variant", "order by the score of the variant one is at", "S"),
    _a("results.reverse", "the order the other way round", "r"),
    _a("results.charts", "charts: pass rates, verdicts, heat table, speed", "c", footer="charts"),
    _a("results.baseline", "what got worse, what better, since an earlier run", "b", footer="baseline"),
    _a("results.report", "write a report: HTML, Markdown, CSV, JSON lines, JUnit", "w", footer="report"),
    _a("results.vote", "vote blind on the answers to this case", "V"),
    _a("results.again", "read the run again: it may have gone on", "f5 ctrl+r"),
    _a("results.leave", "back: from a search, from a filter, from the results", "escape q", "leave"),
    _a("trial.next", "the next trial of the case", "right_square_bracket", "step(1)", "sibling"),
    _a("trial.previous", "the trial before", "left_square_bracket", "step(-1)"),
    _a("trial.next-case", "the next case that the matrix shows", "n", "case(1)", "next case"),
    _a("trial.previous-case", "the case before", "p N", "case(-1)"),
    _a("trial.diff", "beside its siblings, differences marked", "d", "diff", "diff"),
    _a("trial.copy", "copy the answer", "y c", "copy", "copy"),
    _a("trial.leave", "from the text to the list, then to the results", "escape q", "leave"),
    _a("charts.across", "what goes across: the next setting that variants differ in", "x", "across", "across"),
    _a("charts.down", "what goes down", "y", "downwards", "down"),
    _a("charts.measure", "score, pass rate, speed, first token", "m", "measure", "measure"),
    _a("charts.leave", "back to the results", "escape q c", "leave"),
    _a("against.read", "what is said of the variants, to scroll", "tab", "read"),
    _a("against.diff", "the case's answer then and now, differences marked", "d", "diff", "diff"),
    _a("against.jump", "to the case in the results", "enter", "take", "to the case"),
    _a("against.leave", "back to the results", "escape q b", "leave"),
    _a("gauges.leave", "back", "escape q", "leave"),
    _a("arena.left", "the left one is better", "left h 1", "vote('left')", "left"),
    _a("arena.right", "the right one is better", "right l 2", "vote('right')", "right"),
    _a("arena.tie", "as good as each other", "t equals_sign", "vote('tie')", "tie"),
    _a("arena.bad", "both bad", "b 0", "vote('bad')", "bad"),
    _a("arena.skip", "skip this pair: no vote", "s", "vote('skip')", "skip"),
    _a("arena.undo", "take back the last vote (or skip)", "u", "undo", "undo"),
    _a("arena.tags", "tags of this case: coding, korean, …", "e", "tags", "tags"),
    _a("arena.category", "only cases of one tag", "c", "category"),
    _a("arena.scope", "answers of the whole history, and back", "a", "scope"),
    _a("arena.ranking", "the ranking", "r", "ranking", "ranking"),
    _a("arena.view", "plain or Markdown", "v", "view"),
    _a("arena.pane", "scroll both, the left one, the right one, the message", "tab", "pane"),
    _a("arena.leave", "back; a pair without a vote comes again", "escape q", "leave"),
    _a("ranking.category", "the votes of one tag", "c", "category", "category"),
    _a("ranking.style", "take out length, lists, headings and bold, or not", "s", "style", "style"),
    _a("ranking.import", "import votes from a CSV file", "i", "take_in", "import"),
    _a("ranking.export", "export the votes as CSV", "x", "export", "export"),
    _a("ranking.leave", "back", "escape q r", "leave"),
    _a("attribution.by", "leave out sentences, paragraphs, examples, whole messages", "u", "by", "unit"),
    _a("attribution.message", "weigh what the user asks too, or not", "m", "message", "message too"),
    _a("attribution.stop", "measure no more; what there is stays", "x", "stop", "stop"),
    _a("attribution.leave", "back; what is not measured yet is given up", "escape q L", "leave"),
    _a("experiments.run", "run it, or go on with it", "r f5 ctrl+r", footer="run"),
    _a("experiments.stop", "stop it: what is done is kept", "x f8", footer="stop"),
    _a("experiments.edit", "open the file in $VISUAL or $EDITOR", "e", footer="edit"),
    _a("experiments.new", "a new experiment", "n", footer="new"),
    _a("experiments.detach", "run it in a process of its own, that goes on when you quit", "d", footer="detach"),
    _a("experiments.results", "the results of its last run", "m"),
    _a("experiments.search", "search", "slash", "search", "search"),
    _a("experiments.leave", "from the text to the list, from there back; what runs goes on", "escape q", "leave"),
    _a("heat.left", "a token back", "left", "step(-1)"),
    _a("heat.right", "a token on", "right", "step(1)"),
    _a("heat.up", "a line up", "up k", "line(-1)"),
    _a("heat.down", "a line down", "down j", "line(1)"),
    _a("heat.page-up", "a page up", "pageup ctrl+b", "page(-1)"),
    _a("heat.page-down", "a page down", "pagedown space", "page(1)"),
    _a("heat.first", "the first token", "home", "first"),
    _a("heat.last", "the last token", "end G", "last"),
    _a("tokens.next", "the next text: message, rendered prompt, answer, typed", "tab", "turn(1)", "text"),
    _a("tokens.previous", "the text before", "shift+tab", "turn(-1)"),
    _a("tokens.type", "type any text; esc leaves the box", "i", "type", "type"),
    _a("tokens.beside", "another model's tokenizer beside it, or none", "b", "beside", "beside"),
    _a("tokens.model", "the model whose tokenizer it is", "m", "model", "model"),
    _a("tokens.side", "the other side", "o", "side"),
    _a("tokens.probability", "the probability of the token at the cursor, or not", "p", "probability", "chance"),
    _a("tokens.bars", "bars between tokens, or none", "s", "bars", "bars"),
    _a("tokens.copy", "copy the ids", "y", "copy"),
    _a("tokens.leave", "from the box to the tokens, from there back", "escape", "leave"),
    _a("divergence.measure", "heat: probability, entropy, rank", "h", "measure", "heat"),
    _a("divergence.side", "the other answer", "tab", "side", "other side"),
    _a("divergence.parting", "to where they part", "g", "parting", "where they part"),
    _a("divergence.branch", "branch: enter takes another candidate, in a new lane", "b", footer="branch"),
    _a("divergence.against", "against the lane of that number", "1 2 3 4 5 6 7 8", "against(1)"),
    _a(
        "divergence.leave",
        "from the candidates to the answer, back to the lanes; ends the reading",
        "escape q",
        "leave",
    ),
    _a("crossing.measure", "heat: what the prompt bought, its own prompt, the other prompt", "h", "measure", "heat"),
    _a("crossing.side", "the other answer", "tab", "side", "other side"),
    _a("crossing.against", "against the lane of that number", "1 2 3 4 5 6 7 8", "against(1)"),
    _a("crossing.leave", "back to the lanes; ends the reading", "escape q", "leave"),
    _a("microscope.next", "the next setting", "right_square_bracket", "setting(1)", "setting"),
    _a("microscope.previous", "the setting before", "left_square_bracket", "setting(-1)"),
    _a("microscope.more", "the setting a step up", "right plus l", "turn(1)", "up"),
    _a("microscope.less", "the setting a step down", "left minus h", "turn(-1)", "down"),
    _a("microscope.form", "all settings", "s", "form", "all settings"),
    _a("microscope.reset", "the settings as the answer was made", "0", "reset", "reset"),
    _a("microscope.keep", "take what was tried into the lane", "a", "keep", "keep"),
    _a("microscope.leave", "back, the lane unchanged", "escape q M", "leave"),
    _a("association.measure", "each cell: × change, p, log p, log p a token", "v", footer="measure"),
    _a("association.base", "the context at the cursor is the baseline", "b", footer="baseline"),
    _a("association.word", "one more word, or several as one continuation", "w", footer="word"),
    _a("association.context", "one more context: NAME = TEXT", "c", footer="context"),
    _a("association.edit-word", "change the word at the cursor", "e"),
    _a("association.edit-context", "change the context at the cursor", "E"),
    _a("association.remove-word", "take the word away", "x"),
    _a("association.remove-context", "take the context away", "X"),
    _a("association.undo", "take back the last change", "u"),
    _a("association.frame", "change the text around the slot", "i"),
    _a("association.plot", "contexts and words on a plane, and back", "p", footer="plot"),
    _a("association.template", "another template of the library", "t", footer="template"),
    _a("association.model", "another model", "m", footer="model"),
    _a("association.note", "keep the finding as a note on the prompt", "n", footer="note"),
    _a("association.save", "save words, contexts and text into the template", "s ctrl+s", footer="save"),
    _a("association.save-new", "save them as a new template", "S"),
    _a("association.copy", "copy what was found", "y", "copy"),
    _a("association.read", "to the lines below, to scroll; and back", "tab", "read"),
    _a("association.again", "measure again; after a failure", "r f5"),
    _a("association.leave", "back: from the lines, from the plane, to where one came from", "escape q A", "leave"),
    _a("context.policy", "another policy for a context that is too small", "right l", "policy(1)", "policy"),
    _a("context.policy-before", "the policy before", "left h", "policy(-1)"),
    _a("context.everywhere", "this policy in all lanes", "a", "everywhere", "in all lanes"),
    _a("context.next", "the next lane", "tab", "turn(1)", "lane"),
    _a("context.previous", "the lane before", "shift+tab", "turn(-1)"),
    _a("context.number", "the lane of that number", "1 2 3 4 5 6 7 8", "lane(1)"),
    _a("context.leave", "back to the lanes, which keep their policies", "escape q K", "leave"),
    _a("needle.run", "measure: go on, or from anew when all is measured", "r f5 ctrl+r", footer="measure"),
    _a("needle.stop", "stop; what is measured stays", "x f8", footer="stop"),
    _a("needle.ask", "ask this cell: the model answers, greedy", "a", footer="ask"),
    _a("needle.ask-all", "ask every cell that is there and was not asked", "A"),
    _a("needle.form", "the fact, its question, the text, lengths and depths", "e", footer="edit"),
    _a("needle.measure", "cells: the probability, a token's, or bits for the fact", "m", footer="shows"),
    _a("needle.beyond", "past the context too, where the beginning falls out", "b", footer="beyond"),
    _a("needle.read", "to the text below, to scroll; and back", "tab", "read"),
    _a("needle.leave", "from the text to the cells, then back; measuring ends", "escape q H", "leave"),
    _a("dialog.leave", "leave without a change", "escape", "leave"),
)

_NAMES = {
    "question_mark": "?",
    "slash": "/",
    "less_than_sign": "<",
    "greater_than_sign": ">",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "escape": "Esc",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "equals_sign": "=",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "plus": "+",
    "minus": "-",
}
_LOST = re.compile(r"ctrl\+(enter|m|i|h|j|\[|shift)|shift\+ctrl|shift\+(?!tab$)|super|hyper|ctrl\+(space|@)$")
PLACES = {
    "app": "Everywhere",
    "compare": "Compare",
    "lanes": "Compare, in the lanes (Esc leaves the message box)",
    "answer": "In an answer",
    "library": "Library",
    "cards": "Library, in the list (Esc leaves the editor)",
    "list": "In a list",
    "versions": "Versions of a prompt",
    "conflict": "A conflict with a change on disk",
    "models": "Models",
    "hub": "The hub",
    "downloads": "Downloads",
    "tune": "Models, measuring the fastest settings",
    "history": "History",
    "results": "Results of a run",
    "matrix": "In a table: results, association, needle probe",
    "trial": "Results, the trials of a case",
    "charts": "Results, charts",
    "against": "Results, against an earlier run",
    "gauges": "Gauges",
    "arena": "Blind votes",
    "ranking": "Ranking of blind votes",
    "attribution": "What an answer hangs on",
    "experiments": "Experiments",
    "heat": "In an answer's tokens",
    "tokens": "Tokens",
    "context": "What fills the context",
    "divergence": "Where two answers part",
    "crossing": "Cross-scores",
    "microscope": "Sampler microscope",
    "association": "Association",
    "needle": "Needle probe",
    "dialog": "In a dialog",
}


def key_name(key: str) -> str:
    """A key as a person reads it: `ctrl+p` → `^p`, `f5` → `F5`."""
    if key in _NAMES:
        return _NAMES[key]
    if key.startswith("ctrl+"):
        rest = key[5:]
        return f"^{rest}" if len(rest) == 1 else f"Ctrl+{_NAMES.get(rest, rest.capitalize())}"
    if re.fullmatch(r"f\d+", key):
        return key.upper()
    return key if len(key) == 1 else key.replace("shift+tab", "Shift+Tab").capitalize()


def at(*places: str, keymap: dict[str, tuple[str, ...]] | None = None) -> list[Action]:
    """The actions of these places, with the keys of `keymap` where it names them."""
    found = [action for place in places for action in ACTIONS if action.where == place]
    if not keymap:
        return found
    return [
        Action(a.id, a.title, keymap.get(a.id, a.keys), a.where, a.do, a.footer) if a.id in keymap else a for a in found
    ]


def problems(actions: Iterable[Action] = ACTIONS) -> list[str]:
    """Keys that a legacy terminal cannot send, or sends as another key; "" for none."""
    return [
        f"{action.id}: {key_name(key)} does not reach every terminal"
        for action in actions
        for key in action.keys
        if _LOST.search(key)
    ]


def markdown() -> str:
    """docs/keys.md."""
    lines = [
        "# Keys",
        "",
        "Made by `workbench keys --markdown`. Every key works in tmux and over plain SSH. To change one, name the",
        'action in `~/.config/workbench/keymap.toml`: `"compare.run" = "f2"` (several: a list).',
    ]
    for place, title in PLACES.items():
        lines += ["", f"## {title}", "", "| key | what it does | action |", "| --- | --- | --- |"]
        for action in at(place):
            keys = " ".join(f"`{key_name(key)}`" for key in action.keys)
            lines.append(f"| {keys} | {action.title} | `{action.id}` |")
    return "\n".join(lines) + "\n"


def print_keys(form: str = "") -> int:
    """`workbench keys [--json|--markdown]`; returns the exit code."""
    import sys

    if form == "--json":
        listed = [{"id": a.id, "keys": list(a.keys), "where": a.where, "title": a.title} for a in ACTIONS]
        text = json.dumps(listed) + "\n"
    elif form == "--markdown":
        text = markdown()
    else:
        rows = [f"  {' '.join(map(key_name, a.keys)):<16}{a.title:<52}{a.id}" for a in ACTIONS]
        text = "\n".join(rows) + "\n"
    sys.stdout.write(text)
    return 0
