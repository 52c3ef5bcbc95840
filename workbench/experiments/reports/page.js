(() => {
  "use strict";
  const CHUNK = 200;
  const root = document.documentElement;
  const $ = (id) => document.getElementById(id);
  const make = (tag, name, text) => {
    const node = document.createElement(tag);
    if (name) node.className = name;
    if (text !== undefined) node.textContent = text; // never markup: every text is a stranger's
    return node;
  };

  $("theme").addEventListener("click", () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });

  const compare = (a, b) => {
    if (a === b) return 0;
    if (a === null) return 1; // what has no value comes last either way
    if (b === null) return -1;
    return typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
  };
  const turn = (heads, head, first) => {
    const next = head.getAttribute("aria-sort") === first ? (first === "ascending" ? "descending" : "ascending") : first;
    for (const other of heads) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", next);
    return next === "ascending" ? 1 : -1;
  };

  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = head.querySelector("button");
      if (!button) return;
      button.addEventListener("click", () => {
        const way = turn(heads, head, "ascending");
        const value = (row) => {
          const cell = row.cells[column];
          if (cell.dataset.v === undefined) return cell.textContent;
          return cell.dataset.v === "" ? null : Number(cell.dataset.v);
        };
        const body = table.tBodies[0];
        const rows = [...body.rows].map((row) => [value(row), row]);
        rows.sort((a, b) => (a[0] === null || b[0] === null ? compare(a[0], b[0]) : way * compare(a[0], b[0])));
        body.append(...rows.map((pair) => pair[1]));
      });
    });
  }

  const data = JSON.parse($("data").textContent);
  const [TRIALS, ERRORS, JUDGED, PASSES, SCORE] = [0, 1, 2, 3, 4];
  const body = $("matrix").tBodies[0];
  const heads = [...$("matrix").tHead.rows[0].cells];
  const state = { rows: [], drawn: 0, column: -1, way: 1 };
  const lower = new Map();
  let texts = null;
  const textsOf = (at) => {
    if (!texts) texts = Object.assign({}, ...[...document.querySelectorAll("script.texts")].map((part) => JSON.parse(part.textContent)));
    return texts[at];
  };

  const cellsOf = (at) => data.columns.map((column) => column[at]);
  const failed = (cell) => cell && (cell[ERRORS] > 0 || cell[PASSES] < cell[JUDGED]);
  const spread = (at) => {
    const scores = cellsOf(at).filter((cell) => cell && cell[SCORE] !== null).map((cell) => cell[SCORE]);
    return scores.length > 1 ? Math.max(...scores) - Math.min(...scores) : 0;
  };
  const SHOWN = {
    all: () => true,
    failed: (at) => cellsOf(at).some(failed),
    errors: (at) => cellsOf(at).some((cell) => cell && cell[ERRORS] > 0),
    differing: (at) => spread(at) > 1e-9,
  };
  const words = (at) => {
    if (!lower.has(at)) {
      const found = textsOf(at) || { asked: "", trials: [] };
      const answers = found.trials.map((trial) => `${trial.text} ${trial.error}`);
      lower.set(at, [data.cases[at], found.asked, ...answers].join("\n").toLowerCase());
    }
    return lower.get(at);
  };
  const valueOf = (at) => {
    if (state.column === 0) return data.cases[at];
    if (state.column === heads.length - 1) return spread(at);
    const cell = data.columns[state.column - 1][at];
    return cell ? cell[SCORE] : null;
  };

  const told = (cell) => {
    const node = make("td", "number", "");
    if (!cell) return node;
    const rest = cell[ERRORS] ? ` ${cell[ERRORS]} error${cell[ERRORS] > 1 ? "s" : ""}` : "";
    if (!cell[JUDGED]) {
      node.textContent = rest.trim() || "–";
      if (rest) node.classList.add("bad");
      return node;
    }
    const sign = cell[PASSES] === cell[JUDGED] ? "✓" : cell[PASSES] ? "~" : "✗";
    const score = cell[SCORE] > 0 && cell[SCORE] < 1 ? ` ${cell[SCORE].toFixed(2)}` : "";
    node.textContent = `${sign} ${cell[PASSES]}/${cell[JUDGED]}${score}${rest}`;
    node.classList.add(failed(cell) ? (cell[PASSES] ? "mixed" : "bad") : "good");
    return node;
  };

  const detail = (at) => {
    const row = make("tr", "detail");
    const cell = make("td");
    cell.colSpan = heads.length;
    const found = textsOf(at);
    if (found && found.asked) {
      const asked = make("div", "asked");
      asked.append(make("h3", "", "asked"), make("pre", "", found.asked));
      cell.append(asked);
    }
    const trials = make("div", "trials");
    for (const trial of found ? found.trials : []) {
      const box = make("section", "trial");
      box.append(make("h3", "", trial.head), make("p", "soft", trial.foot));
      const list = make("ul");
      for (const [passed, reason] of trial.checks) list.append(make("li", passed ? "yes" : "no", `${passed ? "✓" : "✗"} ${reason}`));
      if (trial.checks.length) box.append(list);
      if (trial.error) box.append(make("p", "no", trial.error));
      if (trial.text || !trial.error) box.append(make("pre", "", trial.text));
      trials.append(box);
    }
    if (!found) trials.append(make("p", "soft", "The texts of this case are not in this page; the JSONL report has them all."));
    else if (found.more) trials.append(make("p", "soft", `${found.more.toLocaleString("en")} more trials of this case are in the JSONL report.`));
    cell.append(trials);
    row.append(cell);
    return row;
  };

  const draw = () => {
    const end = Math.min(state.rows.length, state.drawn + CHUNK);
    const rows = [];
    for (; state.drawn < end; state.drawn += 1) {
      const at = state.rows[state.drawn];
      const row = make("tr");
      const name = make("td");
      const button = make("button", "case", data.cases[at]);
      button.type = "button";
      button.setAttribute("aria-expanded", "false");
      button.addEventListener("click", () => {
        const open = button.getAttribute("aria-expanded") === "true";
        button.setAttribute("aria-expanded", String(!open));
        if (open) row.nextSibling.remove();
        else row.after(detail(at));
      });
      name.append(button);
      const gap = make("td", "number", spread(at) ? spread(at).toFixed(2) : "");
      row.append(name, ...cellsOf(at).map(told), gap);
      rows.push(row);
    }
    body.append(...rows);
    $("more").hidden = state.drawn >= state.rows.length;
    $("count").textContent = `${state.rows.length.toLocaleString("en")} of ${data.cases.length.toLocaleString("en")} cases`;
  };

  const show = () => {
    const wanted = $("search").value.trim().toLowerCase();
    const keep = SHOWN[$("show").value];
    state.rows = data.cases.map((_, at) => at).filter((at) => keep(at) && (!wanted || words(at).includes(wanted)));
    if (state.column >= 0) {
      const values = new Map(state.rows.map((at) => [at, valueOf(at)]));
      state.rows.sort((a, b) => {
        const [x, y] = [values.get(a), values.get(b)];
        return (x === null || y === null ? compare(x, y) : state.way * compare(x, y)) || a - b;
      });
    }
    state.drawn = 0;
    body.replaceChildren();
    draw();
  };

  heads.forEach((head, column) => {
    head.querySelector("button").addEventListener("click", () => {
      state.way = turn(heads, head, column === heads.length - 1 ? "descending" : "ascending");
      state.column = column;
      show();
    });
  });
  let waiting = 0;
  $("search").addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(show, 150);
  });
  $("show").addEventListener("change", show);
  $("more").addEventListener("click", draw);
  if ("IntersectionObserver" in window) {
    new IntersectionObserver((seen) => {
      if (seen.some((each) => each.isIntersecting) && !$("more").hidden) draw();
    }).observe($("more"));
  }
  if (data.without) {
    $("without").textContent = `The texts of ${data.without.toLocaleString("en")} of ${data.cases.length.toLocaleString("en")} cases are left out, so that the page stays small; their numbers are here. The JSONL report has them all.`;
    $("without").hidden = false;
  }
  show();
})();
