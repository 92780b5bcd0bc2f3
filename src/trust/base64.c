/* Base64 (RFC 4648, section 4), strict. */
#include "base/crypto.h"
#include "trust/key.h"

bool base64_read(struct str text, struct buf *out)
{
	text = str_trim(text);
	size_t pad = 0;
	while (pad < 2 && pad < text.n && text.p[text.n - 1 - pad] == '=')
		pad++;
	if (text.n % 4 || text.n > INT32_MAX / 2)
		return false;
	for (size_t i = 0; i < text.n - pad; i++) {
		char c = text.p[i];
		if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/'))
			return false;
	}
	if (!text.n)
		return true;
	autofree u8 *bytes = xmalloc(text.n);
	int n = crypto()->base64_decode(bytes, (const u8 *)text.p, (int)text.n);
	if (n < (int)pad)
		return false;
	buf_add(out, str_n(bytes, (size_t)n - pad));
	return !out->over;
}

void base64_write(struct str bytes, struct buf *out)
{
	if (!bytes.n)
		return;
	autofree u8 *text = xmalloc((bytes.n + 2) / 3 * 4 + 1);
	int n = crypto()->base64_encode(text, (const u8 *)bytes.p, (int)bytes.n);
	buf_add(out, str_n(text, (size_t)n));
}
