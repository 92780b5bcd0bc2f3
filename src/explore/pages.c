#include "base/text.h"
#include "explore/app.h"

void lines_clear(struct lines *t, const char *title)
{
	for (u32 i = 0; i < t->n; i++)
		free(t->v[i]);
	t->n = t->top = t->rows = 0;
	snprintf(t->title, sizeof t->title, "%s", title);
}

void lines_add(struct lines *t, const char *fmt, ...)
{
	char *line;
	va_list ap;
	va_start(ap, fmt);
	int n = vasprintf(&line, fmt, ap);
	va_end(ap);
	if (n >= 0)
		VEC_PUSH(t->v, t->n, t->cap, line);
}

const char *text_mode(u8 type, u32 mode, char out[12])
{
	static const char rwx[] = "rwxrwxrwx";
	out[0] = type == TAR_FILE || type == TAR_HARDLINK ? '-' : (char)type;
	for (u32 i = 0; i < 9; i++)
		out[1 + i] = mode >> (8 - i) & 1 ? rwx[i] : '-';
	if (mode & 04000)
		out[3] = out[3] == 'x' ? 's' : 'S';
	if (mode & 02000)
		out[6] = out[6] == 'x' ? 's' : 'S';
	if (mode & 01000)
		out[9] = out[9] == 'x' ? 't' : 'T';
	out[10] = '\0';
	return out;
}

static const struct { const char *keys, *what; } help[] = {
	{ NULL, "Everywhere" },
	{ "Tab", "switch between the layers and the tree" },
	{ "Up Down k j", "move; PgUp PgDn, u: by a page; Home End, g G: to the ends" },
	{ "Ctrl+F  /", "filter the tree: text, a glob (*.so) or a regular expression (^/usr/.*\\.py$)" },
	{ "Esc", "closes the filter, or the view that covers the panes" },
	{ "d", "details of the selected entry or layer" },
	{ "w", "waste: every byte that ships without being seen, with its reason, layer and instruction" },
	{ "!", "what could not be read, when the image is incomplete" },
	{ "?", "this page" },
	{ "q  Ctrl+C", "quit; Ctrl+Z: stop for a while" },
	{ NULL, "Layers" },
	{ "Ctrl+L", "show the changes of the selected layer" },
	{ "Ctrl+A", "show the changes since the lowest layer, aggregated" },
	{ NULL, "Tree" },
	{ "Space", "collapse or expand a directory; Ctrl+Space: all of them" },
	{ "Left h", "to the directory above; Right, l: into a directory" },
	{ "Ctrl+A", "show or hide what was added (+)" },
	{ "Ctrl+R", "what was removed (-)" },
	{ "Ctrl+M  m", "what was changed (~); where the terminal sends Enter for Ctrl+M, m" },
	{ "Ctrl+U", "what was not touched" },
	{ "Ctrl+B", "show or hide permissions, owners and sizes" },
	{ "Ctrl+O", "sort by size or by name" },
	{ "Ctrl+P", "wrap long lines" },
	{ "v  Enter", "look into a file (Enter on a directory: collapse or expand it)" },
	{ "e  Ctrl+E", "extract the file into the current directory; never over another" },
	{ NULL, "A file" },
	{ "x", "as text or in hexadecimal; Esc, q: back" },
	{ NULL, "Waste" },
	{ "Enter", "to the file, in the layer that lost it" },
};

void text_help(struct app *a)
{
	lines_clear(&a->text, "Help");
	for (size_t i = 0; i < countof(help); i++) {
		if (!help[i].keys)
			lines_add(&a->text, "%s%s", i ? "\n" : "", help[i].what);
		else
			lines_add(&a->text, "  %-12s %s", help[i].keys, help[i].what);
	}
}

static const char *kind_text(u8 type)
{
	switch (type) {
	case TAR_FILE: case TAR_HARDLINK: return "regular file";
	case TAR_DIR: return "directory";
	case TAR_SYMLINK: return "symbolic link";
	case TAR_CHAR: return "character device";
	case TAR_BLOCK: return "block device";
	case TAR_FIFO: return "named pipe";
	default: return "something else";
	}
}

static const char *const capabilities[] = {
	"chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill", "setgid", "setuid", "setpcap", "linux_immutable", "net_bind_service",
	"net_broadcast", "net_admin", "net_raw", "ipc_lock", "ipc_owner", "sys_module", "sys_rawio", "sys_chroot", "sys_ptrace", "sys_pacct", "sys_admin",
	"sys_boot", "sys_nice", "sys_resource", "sys_time", "sys_tty_config", "mknod", "lease", "audit_write", "audit_control", "setfcap", "mac_override",
	"mac_admin", "syslog", "wake_alarm", "block_suspend", "audit_read", "perfmon", "bpf", "checkpoint_restore",
};

static u32 le32(const char *p) { return (u32)(u8)p[0] | (u32)(u8)p[1] << 8 | (u32)(u8)p[2] << 16 | (u32)(u8)p[3] << 24; }

/* security.capability (linux/capability.h, struct vfs_cap_data): revision and flag, then permitted and inheritable words. */
static bool file_capabilities(struct str v, struct buf *out)
{
	if (v.n < 12)
		return false;
	u32 magic = le32(v.p), revision = magic >> 24;
	if (revision < 1 || revision > 3 || (revision > 1 && v.n < 20))
		return false;
	u64 permitted = le32(v.p + 4), inheritable = le32(v.p + 8);
	if (revision > 1) {
		permitted |= (u64)le32(v.p + 12) << 32;
		inheritable |= (u64)le32(v.p + 16) << 32;
	}
	for (u32 i = 0; i < 64; i++) {
		bool p = permitted >> i & 1, h = inheritable >> i & 1;
		if (!p && !h)
			continue;
		if (i < countof(capabilities))
			buf_printf(out, "%scap_%s", out->n ? "," : "", capabilities[i]);
		else
			buf_printf(out, "%s%u", out->n ? "," : "", i);
		buf_printf(out, "=%s%s%s", magic & 1 ? "e" : "", h ? "i" : "", p ? "p" : "");
	}
	return true;
}

static void add_xattrs(struct lines *t, struct str rest)
{
	struct str name, value;
	struct buf b = BUF(0);
	while (tar_xattr_next(&rest, &name, &value)) {
		buf_clear(&b);
		if (!str_is(name, "security.capability") || !file_capabilities(value, &b)) {
			bool text = true;
			for (size_t i = 0; i < value.n; i++)
				text = text && value.p[i] >= ' ' && value.p[i] < 127;
			for (size_t i = 0; !text && i < MIN(value.n, (size_t)64); i++)
				buf_printf(&b, "%02x", (unsigned)(u8)value.p[i]);
			if (text)
				buf_add(&b, str_head(value, 4096));
			if (value.n > (text ? 4096 : 64))
				buf_printf(&b, " … %zu bytes", value.n);
		}
		lines_add(t, "Attribute:  %.*s = %s", STR_FMT(name), b.p ? b.p : "");
	}
	buf_free(&b);
}

/* Whether a version brought the content of the one before again: by their hashes, or where only headers were read, as the tree was told. */
static bool same_content(const struct app *a, const struct version *before, const struct fact_entry *e, const struct fact_entry *was)
{
	if (e->type != TAR_FILE || was->type != TAR_FILE || e->size != was->size)
		return false;
	if (!((e->flags | was->flags) & FACT_UNHASHED))
		return hash_eq(e->hash, was->hash);
	const struct rootfs *r = a->full;
	for (u32 i = 0; i < r->waste.n; i++) {
		const struct waste_item *w = SEG_AT(&r->waste, i);
		if (w->layer == before->from && w->entry == before->entry)
			return w->reason == WASTE_METADATA || w->reason == WASTE_DUPLICATE;
	}
	return false;
}

/* What each layer did to the name: this is where what it hides, and what hides it, stands. */
static void add_versions(const struct app *a, struct lines *t, node_id id)
{
	const struct timeline *tl = &a->model.timeline;
	const struct version *before = NULL;
	u32 n = 0;
	lines_add(t, "%s", "");
	lines_add(t, "Layers that wrote or hid this name:");
	for (u32 i = 0; i < tl->n; i++) {
		const struct version *v = &tl->v[i];
		if (v->node != id)
			continue;
		if (n++ < APP_VERSIONS) {
			const struct fact_entry *e = version_entry(a->image, v), *was = before ? version_entry(a->image, before) : NULL;
			char hides[96] = "";
			if (was && was->type == TAR_FILE && (v->gone || !(v->from == before->from && v->entry == before->entry)))
				snprintf(hides, sizeof hides, "; hides %s of layer %u", TEXT_SIZE(was->size), before->from);
			bool same = e && was && e->size && !(v->from == before->from && v->entry == before->entry) && same_content(a, before, e, was);
			lines_add(t, "%s %5u  %-9s %9s%s%s", v->layer == a->model.layer ? ">" : " ", v->layer, v->gone ? "removed" : before && !before->gone ? "changed" : "added",
				  e && e->type == TAR_FILE ? TEXT_SIZE(e->size) : "", hides, same ? ", with the same content" : "");
			lines_add(t, "                %s", a->instruction[v->layer]);
		}
		before = v;
	}
	if (n > APP_VERSIONS)
		lines_add(t, "  and %u more", n - APP_VERSIONS);
	if (!n)
		lines_add(t, "  none: it is only there because of what is below it");
}

static void add_owner(const struct app *a, struct lines *t, node_id id)
{
	if (!a->packages)
		return;
	u32 o = a->packages->owner && id < a->full->nodes.n ? a->packages->owner[id] : 0;
	if (!o || o > a->packages->n) {
		lines_add(t, "Package:    none owns it");
		return;
	}
	const struct package *p = &a->packages->v[o - 1];
	lines_add(t, "Package:    %s %s (%s, %s in %s files)", p->name, p->version, p->type, TEXT_SIZE(p->bytes), TEXT_COUNT(p->files));
}

void text_details(struct app *a, node_id id)
{
	struct lines *t = &a->text;
	struct buf path = BUF(0);
	lines_clear(t, "Details");
	app_path(a, id, &path);
	lines_add(t, "Path:       %s", path.p);
	buf_free(&path);
	static const char *const state[] = { "not touched", "added", "changed", "removed" };
	lines_add(t, "In view:    %s", state[a->model.diff[id]]);
	const struct version *v = model_version(&a->model, id);
	const struct fact_entry *e = model_entry(&a->model, id);
	if (!v || !e) {
		lines_add(t, "Type:       directory that no entry lists: 0755, owner 0:0");
		lines_add(t, "Below it:   %s (%s bytes)", TEXT_SIZE(a->model.size[id]), TEXT_COUNT(a->model.size[id]));
		add_owner(a, t, id);
		add_versions(a, t, id);
		return;
	}
	const struct facts *f = a->image->layers[v->from].facts;
	lines_add(t, "Type:       %s%s", kind_text(e->type), e->flags & FACT_SPARSE ? ", sparse" : "");
	if (e->type == TAR_SYMLINK)
		lines_add(t, "Target:     %s", facts_string(f, e->link));
	if (e->type == TAR_CHAR || e->type == TAR_BLOCK)
		lines_add(t, "Device:     %u, %u", e->rdev >> 20, e->rdev & 0xfffff);
	if (e->type == TAR_FILE)
		lines_add(t, "Size:       %s (%s bytes%s)", TEXT_SIZE(e->size), TEXT_COUNT(e->size), fact_stored(e) != e->size ? ", fewer are stored" : "");
	if (e->type == TAR_DIR)
		lines_add(t, "Below it:   %s (%s bytes)", TEXT_SIZE(a->model.size[id]), TEXT_COUNT(a->model.size[id]));
	lines_add(t, "Mode:       %04o %s%s%s%s", (unsigned)e->mode, text_mode(e->type, e->mode, (char[12]){ 0 }), e->mode & 04000 && e->type == TAR_FILE ? "  set-user-ID" : "",
		  e->mode & 02000 && e->type == TAR_FILE ? "  set-group-ID" : "", e->mode & 02 && e->type != TAR_SYMLINK && !(e->mode & 01000) ? "  world-writable" : "");
	lines_add(t, "Owner:      %u:%u", e->uid, e->gid);
	lines_add(t, "Modified:   %s", text_time(e->mtime, (char[40]){ 0 }));
	const struct node *n = rootfs_node(a->full, id);
	if (n->state == NODE_LIVE && n->inode && rootfs_inode(a->full, n->inode)->names > 1)
		lines_add(t, "Names:      %u hard links in the final tree", rootfs_inode(a->full, n->inode)->names);
	add_xattrs(t, facts_xattrs(f, e));
	lines_add(t, "Layer:      %u", v->from);
	lines_add(t, "            %s", a->instruction[v->from]);
	add_owner(a, t, id);
	add_versions(a, t, id);
}

void text_layer(struct app *a, u32 layer)
{
	struct lines *t = &a->text;
	lines_clear(t, "Layer");
	if (layer >= a->image->n_layers)
		return;
	const struct image_layer *l = &a->image->layers[layer];
	const struct layer_change *c = &a->full->layers[layer];
	lines_add(t, "Layer:      %u of %u", layer, a->image->n_layers);
	lines_add(t, "Place:      %s", l->place ? l->place : "");
	lines_add(t, "Blob:       %s", l->digest.alg ? DIGEST_STR(&l->digest) : "digest not computed");
	lines_add(t, "Diff ID:    %s", l->diff_id.alg ? DIGEST_STR(&l->diff_id) : "the configuration names none");
	lines_add(t, "Type:       %s", l->media_type && *l->media_type ? l->media_type : compression_name(l->compression));
	lines_add(t, "Stored:     %s (%s bytes)", TEXT_SIZE(l->compressed_size), TEXT_COUNT(l->compressed_size));
	lines_add(t, "Unpacked:   %s (%s bytes)", TEXT_SIZE(l->size), TEXT_COUNT(l->size));
	lines_add(t, "Added:      %s, %s", TEXT_COUNT(c->added), TEXT_SIZE(c->added_bytes));
	lines_add(t, "Changed:    %s, %s", TEXT_COUNT(c->changed), TEXT_SIZE(c->changed_bytes));
	lines_add(t, "Removed:    %s, %s", TEXT_COUNT(c->removed), TEXT_SIZE(c->removed_bytes));
	lines_add(t, "%s", "");
	lines_add(t, "Instruction:");
	lines_add(t, "%s", a->instruction[layer]);
	if (l->command && *l->command && strcmp(l->command, a->instruction[layer])) {
		lines_add(t, "%s", "");
		lines_add(t, "As the history has it:");
		lines_add(t, "%s", l->command);
	}
}

static void add_problems(struct lines *t, const struct problems *p)
{
	for (u32 i = 0; i < p->n; i++)
		lines_add(t, "  %s", p->v[i]);
	if (p->more)
		lines_add(t, "  and %u more", p->more);
}

void text_problems(struct app *a)
{
	lines_clear(&a->text, "Incomplete");
	if (!app_problems(a)) {
		lines_add(&a->text, "Everything could be read.");
		return;
	}
	lines_add(&a->text, "Not everything of this image could be read. What is shown is what there is.");
	lines_add(&a->text, "%s", "");
	add_problems(&a->text, &a->image->problems);
	add_problems(&a->text, &a->full->problems);
	if (a->packages)
		add_problems(&a->text, &a->packages->problems);
}
