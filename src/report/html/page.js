// The report's page. Everything it shows comes from the JSON block of this file, and everything in there may have been chosen by
// whoever made the image: text goes into the page through textContent alone.
"use strict";
(() => {
	const doc = JSON.parse(document.getElementById("data").textContent);
	const $ = (id) => document.getElementById(id);
	const make = (tag, cls, text) => {
		const e = document.createElement(tag);
		if (cls) e.className = cls;
		if (text !== undefined) e.textContent = text;
		return e;
	};

	const units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
	const size = (n) => {
		let u = 0;
		while (n >= 999.5 && u < 6) n /= 1000, u++;
		return (u === 0 ? n : n.toFixed(n < 9.995 ? 2 : n < 99.95 ? 1 : 0)) + " " + units[u];
	};
	const count = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, ",");
	const percent = (part, whole) => (whole ? ((part * 100) / whole).toFixed(1) : "0.0") + " %";
	const color = (layer) => (layer < 0 ? "lm" : "l" + (layer % 10));

	// ---- header, layers, waste ----

	function card(name, value, note, cls) {
		const d = make("div", cls);
		d.append(make("dt", "", name), make("dd", "", value));
		if (note) d.append(make("div", "note", note));
		$("cards").append(d);
	}

	function header() {
		const i = doc.image, t = doc.totals;
		document.title = i.reference + " · pare";
		$("name").textContent = i.reference;
		$("facts").textContent = [i.platform, i.created && "created " + i.created.replace(/\.\d+/, "").replace("T", " "), i.digest || i.config_digest].filter(Boolean).join("  ·  ");
		if (doc.incomplete.length) {
			$("incomplete").hidden = false;
			$("incomplete").textContent = "Incomplete: not all of this image could be read.\n" + doc.incomplete.join("\n");
		}
		if (doc.slim) return;
		card("Visible", size(t.visible), count(doc.views.directory.files[0]) + " files");
		card("Stored", size(t.stored), "in " + t.layers + (t.layers === 1 ? " layer" : " layers"));
		card("Compressed", size(t.compressed), "layers as they ship");
		card("Wasted", size(t.wasted), percent(t.wasted, t.stored) + " of stored", t.wasted > t.stored * 0.05 ? "bad" : "");
		card("Efficiency", (doc.waste.efficiency * 100).toFixed(2) + " %", "dive: " + (doc.dive.efficiency * 100).toFixed(2) + " %");
		card("Packages", count(t.packages), t.packages ? "own " + size(t.package_bytes) : "no database found");
	}

	function heads(table, names) {
		const tr = make("tr");
		for (const [name, num] of names) tr.append(make("th", num === 1 ? "num" : num || "", name));
		const head = make("thead");
		head.append(tr);
		table.append(head, make("tbody"));
		return table.lastChild;
	}

	function layers() {
		const body = heads($("layers"), [["Layer"], ["Instruction"], ["Files", 1], ["Wasted", 1], ["Compressed", 1], ["Share of stored bytes", "share-head"]]);
		const row = (name, cls, l) => {
			const tr = body.appendChild(make("tr")), first = make("td"), text = make("td"), code = make("code", "clamp", l.instruction || "(no history)"), bar = make("td");
			first.append(make("span", "swatch " + cls), name);
			text.append(code);
			code.addEventListener("click", () => code.classList.toggle("open"));
			const share = make("span", "share"), fill = make("span", cls);
			fill.style.width = (doc.totals.stored ? (l.bytes * 100) / doc.totals.stored : 0) + "%";
			share.append(fill);
			bar.append(size(l.bytes) + "  ·  " + percent(l.bytes, doc.totals.stored), share);
			tr.append(first, text, make("td", "num", count(l.files)), make("td", l.wasted ? "num bad" : "num", l.wasted ? size(l.wasted) : "–"), make("td", "num", size(l.compressed_size)), bar);
		};
		for (const l of doc.layers) row(String(l.index), color(l.index), l);
		if (doc.more_layers) row("+ " + count(doc.more_layers.count), "lm", Object.assign({ instruction: "… further layers" }, doc.more_layers));
	}

	function waste() {
		const w = doc.waste, body = heads($("waste"), [["Bytes", 1], ["Path"], ["Stored by", 1], ["Hidden by", 1], ["Why"]]);
		$("waste-sum").textContent = w.bytes ? size(w.bytes) + " in " + count(w.count) + (w.count === 1 ? " file" : " files") + " that a later layer hides, largest first." : "Nothing: every stored byte is visible.";
		if (!w.bytes) $("waste").parentNode.hidden = true;
		const show = (from, to) => {
			for (const i of w.items.slice(from, to)) {
				const tr = body.appendChild(make("tr")), path = make("td");
				path.append(make("code", "", i.path));
				tr.append(make("td", "num", size(i.bytes)), path, make("td", "num", "layer " + i.layer), make("td", "num", "layer " + i.by_layer), make("td", "why", i.reason));
			}
			if (to >= w.items.length && w.count > w.items.length) {
				const tr = body.appendChild(make("tr"));
				tr.append(make("td", "num", size(w.more_bytes)), make("td", "why", "… " + count(w.count - w.items.length) + " smaller files"));
			}
		};
		const first = 12;
		show(0, first);
		if (w.items.length > first) {
			const more = make("button", "more", "Show " + (w.items.length - first) + " more");
			more.addEventListener("click", () => { more.remove(); show(first, w.items.length); });
			$("waste").after(more);
		}
	}

	// ---- a slimming: two maps, what went, what stayed, what was compared ----

	function folded(table, all, row, last) {
		const body = table.lastChild, first = 25;
		all.slice(0, first).forEach((x) => body.append(row(x)));
		if (last && all.length <= first) body.append(last);
		if (all.length <= first) return;
		const more = make("button", "more", "Show " + count(all.length - first) + " more");
		more.addEventListener("click", () => {
			more.remove();
			all.slice(first).forEach((x) => body.append(row(x)));
			if (last) body.append(last);
		});
		table.after(more);
	}

	function line(...cells) {
		const tr = make("tr");
		for (const [text, cls, code] of cells) {
			const td = tr.appendChild(make("td", cls));
			td.append(code ? make("code", "", text) : text);
		}
		return tr;
	}

	function groups(id, t, went) {
		heads($(id), [[went ? "Saved" : "Size", 1], ["Files", 1], ["Package or directory"], [went ? "Of it went" : "Of it stayed", 1], ["Why"]]);
		const last = t.more ? line([size(t.more_bytes), "num"], [count(t.more_files), "num"], ["… " + count(t.more) + " more", "why"], ["", ""], ["", ""]) : null;
		folded($(id), t.rows, (x) => line([size(x.bytes), "num"], [count(x.files), "num"], [x.version ? x.name + " " + x.version : x.name, "", true], [x.bytes === x.of ? "all" : percent(x.bytes, x.of), "num"], [x.why, "why"]), last);
	}

	function slim() {
		const s = doc.slim, a = s.before, b = s.after, arrow = (x, y) => (x === y ? x : x + " → " + y);
		$("kicker").textContent = "pare slim --level " + s.level + (s.written ? "" : ", a dry run");
		document.title = doc.image.reference + " · pare slim";
		if (s.written) $("facts").textContent += "  ·  written: " + s.written;
		for (const e of document.querySelectorAll("section.slim")) e.hidden = false;
		for (const e of document.querySelectorAll("section.inspect")) e.hidden = true;
		card("Size", arrow(size(a.size), size(b.size)), percent(a.size - b.size, a.size) + " less");
		card("Files", arrow(count(a.files), count(b.files)));
		card("Packages", arrow(count(a.packages), count(b.packages)));
		card("Setuid programs", arrow(count(a.setuid), count(b.setuid)));
		card("Shells", arrow(count(a.shells), count(b.shells)));
		const risk = (name, x, y) => {
			const bad = ["critical", "high", "medium", "low", "info", "unknown"].filter((k) => x[k]).map((k) => k + " " + arrow(count(x[k]), count(y[k])));
			if (x.fixable) bad.push("with a fix " + arrow(count(x.fixable), count(y.fixable)));
			card(name, arrow(count(x.total), count(y.total)), bad.join(", "));
		};
		if (a.vulnerabilities) risk("Vulnerabilities", a.vulnerabilities, b.vulnerabilities);
		else card("Vulnerabilities", "not looked for", "there is no advisory database");
		if (a.secrets) risk("Secrets", a.secrets, b.secrets);
		card("Layers", arrow(count(a.layers), count(b.layers)), s.written ? arrow(size(a.compressed_size), size(b.compressed_size)) + " as they ship" : "");
		$("hint").textContent += " Hatched before: what goes.";
		const named = [["shells", s.shells], ["package managers", s.managers], ["setuid programs", s.setuid]].filter((x) => x[1].length).map((x) => x[0] + ": " + x[1].join(" "));
		$("went-sum").textContent = named.length ? "Among it " + named.join("; ") : "";
		$("stayed-sum").textContent = s.doubts.length ? "Kept where knowledge ended: " + s.doubts.join("; ") : "";
		groups("went", s.went, true);
		groups("stayed", s.stayed, false);
		$("checks-sum").textContent = (s.runtime ? "Run under " + s.runtime + (s.restored ? ", " + count(s.restored) + " files restored that it missed." : ".") : "Nothing was run.") + (s.notes.length ? " Not tried: " + s.notes.join("; ") : "");
		heads($("checks"), [["Check"], ["Before"], ["After"], ["Result"]]);
		folded($("checks"), s.checks, (x) => line([x.name, "", true], [x.before, ""], [x.after, ""], [x.pass ? "same" : "different" + (x.why ? ": " + x.why : ""), x.pass ? "why" : "bad"]), null);
	}

	// ---- the map's data: columns to a tree ----

	// Node 0 is the root; a node's parent always comes before it. A name "" stands for many files too small to list one by one.
	function load(name) {
		const v = doc.views[name], n = v.name.length, kids = new Array(n);
		for (let i = 1; i < n; i++) (kids[v.parent[i]] ||= []).push(i);
		for (const k of kids) if (k) k.sort((a, b) => v.bytes[b] - v.bytes[a] || a - b);
		const gone = new Set(v.wasted);
		return { name, v, kids, gone, grouped: !["directory", "before", "after"].includes(name) };
	}
	const loaded = {};
	let view, root = 0, query = "", hits = null;

	const label = (i) => view.v.name[i] || "… " + count(view.v.files[i]) + (view.v.files[i] === 1 ? " smaller file" : " smaller files");
	const isDir = (i) => view.kids[i] !== undefined;
	function up(i) { // from the root down to i
		const way = [];
		for (; i > 0; i = view.v.parent[i]) way.push(i);
		return way.reverse();
	}
	function path(i) {
		const way = up(i), group = view.grouped ? way.shift() : undefined;
		return way.length ? "/" + way.map(label).join("/") : group === undefined ? "/" : label(group);
	}

	// ---- squarified layout (Bruls, Huizing, van Wijk): rows whose tiles are as square as they can be ----

	function squarify(items, bytes, r) {
		let { x, y, w, h } = r, left = items.reduce((s, i) => s + bytes[i], 0), at = 0;
		const out = [];
		while (at < items.length && left > 0 && w > 0 && h > 0) {
			const side = Math.min(w, h), scale = (w * h) / left;
			let sum = 0, end = at, best = Infinity;
			for (; end < items.length; end++) {
				const s = sum + bytes[items[end]], depth = (s * scale) / side;
				const worst = Math.max((bytes[items[at]] * scale) / (depth * depth), (depth * depth) / (bytes[items[end]] * scale || 1e-9));
				if (worst > best) break;
				best = worst;
				sum = s;
			}
			if (end === at) break;
			const depth = (sum * scale) / side;
			let o = 0;
			for (let k = at; k < end; k++) {
				const len = sum ? (bytes[items[k]] / sum) * side : 0;
				out.push(w >= h ? { i: items[k], x, y: y + o, w: depth, h: len } : { i: items[k], x: x + o, y, w: len, h: depth });
				o += len;
			}
			if (w >= h) x += depth, w -= depth;
			else y += depth, h -= depth;
			left -= sum;
			at = end;
		}
		return out;
	}

	// ---- drawing ----

	const MOST = 3500; // elements on screen
	const map = $("map");
	const nodeOf = (e) => { const t = e.target.closest && e.target.closest("[data-i]"); return t ? +t.dataset.i : -1; };

	function describe(e, i, top) {
		e.dataset.i = i;
		if (top) {
			e.tabIndex = -1;
			e.setAttribute("role", "button");
			e.setAttribute("aria-label", path(i) + ", " + size(view.v.bytes[i]));
		}
	}

	function place(e, r) {
		e.style.left = r.x + "px";
		e.style.top = r.y + "px";
		e.style.width = Math.max(r.w - 1, 1) + "px";
		e.style.height = Math.max(r.h - 1, 1) + "px";
		map.append(e);
	}

	function tile(r) {
		const v = view.v, e = make("div", "tile " + color(v.layer[r.i]) + (view.gone.has(r.i) ? " gone" : ""));
		if (hits) e.classList.add(hits.has(r.i) ? "hit" : "faint");
		if (r.w > 34 && r.h > 16) {
			e.append(make("b", "", label(r.i)));
			if (r.h > 32 && r.w > 58) e.append(make("i", "", size(v.bytes[r.i])));
		} else {
			e.classList.add("tiny");
		}
		describe(e, r.i, r.deep === 1);
		place(e, r);
	}

	function box(r, i, title, deep) {
		const e = make("div", deep ? "box deep" : "box");
		if (title) e.append(make("b", "", title), make("i", "", size(view.v.bytes[i])));
		describe(e, i, r.deep === 1);
		place(e, r);
	}

	// The largest first, so that when there are too many it is the small directories that stay in one piece.
	function takeLargest(todo) {
		let at = 0;
		for (let k = 1; k < todo.length; k++) if (todo[k].w * todo[k].h > todo[at].w * todo[at].h) at = k;
		const r = todo[at], last = todo.pop();
		if (at < todo.length) todo[at] = last;
		return r;
	}

	function draw() {
		const v = view.v, todo = [{ i: root, x: 0, y: 0, w: map.clientWidth + 1, h: map.clientHeight + 1, deep: 0 }];
		map.textContent = "";
		if (!v.bytes[root]) map.append(make("p", "empty", "No file here has any bytes."));
		for (let n = 0; todo.length; ) {
			const r = takeLargest(todo);
			let i = r.i, inner = r;
			let title = label(i);
			while (i !== root && isDir(i) && view.kids[i].length === 1 && isDir(view.kids[i][0])) { // "usr/share/doc"
				title += (view.grouped && v.parent[i] === 0 ? "  /" : "/") + label(view.kids[i][0]);
				i = view.kids[i][0];
			}
			if (i !== root) {
				n++;
				if (!isDir(i) || r.w < 30 || r.h < 26 || n + todo.length > MOST) {
					tile(r);
					continue;
				}
				const head = r.h > 46 && r.w > 44 ? (r.deep > 1 ? 17 : 20) : 2;
				box(r, i, head > 2 ? title : "", r.deep > 1);
				inner = { x: r.x + 3, y: r.y + head, w: r.w - 6, h: r.h - head - 3 };
			}
			for (const k of squarify(view.kids[i] || [], v.bytes, inner)) if (k.w >= 2 && k.h >= 2) todo.push(Object.assign(k, { deep: r.deep + 1 }));
		}
		const first = map.querySelector("[tabindex]");
		if (first) first.tabIndex = 0;
	}

	function crumbs() {
		const list = $("crumbs");
		list.textContent = "";
		for (const i of [0, ...up(root)]) {
			const li = list.appendChild(make("li"));
			if (i === root) {
				li.append(make("b", "", i ? label(i) : doc.image.reference), make("span", "", size(view.v.bytes[i]) + " · " + count(view.v.files[i]) + " files · " + percent(view.v.bytes[i], view.v.bytes[0])));
			} else {
				const b = make("button", "", i ? label(i) : doc.image.reference);
				b.addEventListener("click", () => zoom(i));
				li.append(b);
			}
		}
	}

	function zoom(i, focus) {
		root = isDir(i) ? i : view.v.parent[i] || 0;
		hide();
		crumbs();
		draw();
		const e = focus === undefined ? null : map.querySelector('[data-i="' + focus + '"]') || map.querySelector("[tabindex]");
		if (e) e.focus({ preventScroll: true });
	}
	const zoomOut = (focus) => { if (root) zoom(view.v.parent[root], focus ? root : undefined); };

	// A click on a file goes one step towards it; a click on a directory's own name goes there at once.
	function towards(i) {
		if (isDir(i)) return i;
		const way = up(i), at = way.indexOf(root);
		return way[at + 1] === undefined ? root : way[at + 1];
	}

	// ---- tooltip ----

	const tip = $("tip");
	function hide() { tip.hidden = true; }
	function show(i, x, y) {
		const v = view.v, l = v.layer[i], o = v.owner[i];
		tip.textContent = "";
		tip.append(make("b", "", path(i)), make("span", "", size(v.bytes[i]) + "  (" + count(v.bytes[i]) + " bytes, " + percent(v.bytes[i], v.bytes[0]) + ")"));
		if (v.files[i] !== 1) tip.append(make("span", "", count(v.files[i]) + " files"));
		const from = doc.layers[l];
		tip.append(make("span", "", l < 0 ? "several layers" : "layer " + l + (from && from.instruction ? ": " + from.instruction.slice(0, 160) : "")));
		tip.append(make("span", "", o < 0 ? "several packages" : o ? "package " + doc.owners[o - 1] : "no package"));
		if (view.gone.has(i)) tip.append(make("span", "", doc.slim ? "goes" : "hidden by a later layer, but still shipped"));
		tip.hidden = false;
		const w = tip.offsetWidth, h = tip.offsetHeight;
		tip.style.left = Math.max(4, Math.min(x + 14, innerWidth - w - 6)) + "px";
		tip.style.top = Math.max(4, y + 18 + h > innerHeight ? y - h - 10 : y + 18) + "px";
	}

	map.addEventListener("click", (e) => { const i = nodeOf(e); if (i >= 0) zoom(towards(i)); });
	map.addEventListener("mousemove", (e) => { const i = nodeOf(e); if (i >= 0) show(i, e.clientX, e.clientY); else hide(); });
	map.addEventListener("mouseleave", hide);
	map.addEventListener("focusin", (e) => {
		const i = nodeOf(e);
		if (i < 0 || !e.target.matches(":focus-visible")) return;
		for (const o of map.querySelectorAll('[tabindex="0"]')) o.tabIndex = -1;
		e.target.tabIndex = 0;
		const r = e.target.getBoundingClientRect();
		show(i, r.left, r.top + Math.min(r.height, 24));
	});
	map.addEventListener("focusout", hide);

	// Arrow keys: the nearest neighbour in that direction among what stands directly below the root.
	map.addEventListener("keydown", (e) => {
		const i = nodeOf(e), dir = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[e.key];
		if (i < 0 && e.key !== "Escape") return;
		if (e.key === "Enter" || e.key === " ") zoom(towards(i), -1);
		else if (e.key === "Escape" || e.key === "Backspace") zoomOut(true);
		else if (dir) {
			const mid = (x) => { const r = x.getBoundingClientRect(); return [r.left + r.width / 2, r.top + r.height / 2]; };
			const [cx, cy] = mid(e.target);
			let best = null, least = Infinity;
			for (const o of map.querySelectorAll("[tabindex]")) {
				const [x, y] = mid(o), ahead = (x - cx) * dir[0] + (y - cy) * dir[1], aside = Math.abs((x - cx) * dir[1]) + Math.abs((y - cy) * dir[0]);
				if (ahead > 1 && ahead + 2 * aside < least) least = ahead + 2 * aside, best = o;
			}
			if (best) best.focus({ preventScroll: true });
		} else return;
		e.preventDefault();
	});

	// ---- search ----

	function search() {
		const found = $("found"), v = view.v;
		found.textContent = "";
		hits = null;
		if (query) {
			hits = new Set();
			const list = [], lower = new Array(v.name.length);
			let bytes = 0;
			lower[0] = "";
			for (let i = 1; i < v.name.length; i++) { // parents come first: their paths are there
				const p = v.parent[i], group = view.grouped && p === 0;
				lower[i] = group ? "" : lower[p] + "/" + v.name[i].toLowerCase();
				const inside = hits.has(p) || (group && v.name[i].toLowerCase().includes(query));
				if (!inside && !(v.name[i] && lower[i].includes(query))) continue;
				hits.add(i);
				if (!isDir(i)) list.push(i), bytes += v.bytes[i];
			}
			list.sort((a, b) => v.bytes[b] - v.bytes[a] || a - b);
			const files = list.reduce((s, i) => s + v.files[i], 0);
			found.append(make("p", "", files ? count(files) + (files === 1 ? " file, " : " files, ") + size(bytes) : "Nothing that is listed matches; files in “smaller files” are not searched."));
			const ul = found.appendChild(make("ul"));
			for (const i of list.slice(0, 40)) {
				const b = make("button");
				b.append(make("b", "", size(v.bytes[i])), make("span", "", path(i)));
				b.addEventListener("click", () => zoom(v.parent[i], i));
				ul.appendChild(make("li")).append(b);
			}
		}
		draw();
	}
	let timer = 0;
	$("search").addEventListener("input", () => {
		clearTimeout(timer);
		timer = setTimeout(() => { query = $("search").value.trim().toLowerCase(); search(); }, 120);
	});
	addEventListener("keydown", (e) => {
		if (e.key === "/" && e.target.tagName !== "INPUT") { e.preventDefault(); $("search").focus(); }
	});

	// ---- views ----

	function choose(name) {
		view = loaded[name] ||= load(name);
		root = 0;
		for (const b of $("views").children) {
			const on = b.dataset.view === name;
			b.setAttribute("aria-checked", on);
			b.tabIndex = on ? 0 : -1;
		}
		crumbs();
		search();
	}

	header();
	if (doc.slim) slim();
	else layers(), waste();
	const names = doc.slim ? [["before", "Before"], ["after", "After"], ["stayed", "Stayed, by package"], ["went", "Went, by package"]] : [["directory", "Directory"], ["layer", "Layer"], ["package", "Package"]];
	for (const [name, text] of names) {
		const b = make("button", "", text);
		b.dataset.view = name;
		b.setAttribute("role", "radio");
		b.addEventListener("click", () => choose(name));
		b.addEventListener("keydown", (e) => {
			const step = { ArrowLeft: -1, ArrowRight: 1 }[e.key];
			if (!step) return;
			const next = $("views").children[(names.findIndex((x) => x[0] === name) + step + names.length) % names.length];
			next.focus();
			next.click();
		});
		$("views").append(b);
	}
	choose(names[0][0]);
	let resized = 0;
	addEventListener("resize", () => { cancelAnimationFrame(resized); resized = requestAnimationFrame(draw); });
})();
