#include "secret/allow.h"
#include "base/hash.h"
#include "secret/secret.h"
#include <ctype.h>

/* Lists are texts of words between bars: one look-up each, nothing to relocate. */
static bool word_of(struct str w, const char *list)
{
	char key[40];
	if (w.n == 0 || w.n > sizeof key - 3)
		return false;
	key[0] = '|';
	for (size_t i = 0; i < w.n; i++)
		key[i + 1] = (char)tolower((u8)w.p[i]);
	key[w.n + 1] = '|';
	key[w.n + 2] = '\0';
	return strstr(list, key) != NULL;
}

/* Whether s, in lower case, holds one of the list's words. */
static bool holds_word(struct str lower, const char *list)
{
	bool letter[256] = { false };
	for (size_t i = 0; i < lower.n; i++)
		letter[(u8)lower.p[i]] = true;
	for (const char *p = list + 1; *p;) {
		const char *end = strchr(p, '|');
		if (letter[(u8)p[0]] && letter[(u8)end[-1]] && lower.n >= (size_t)(end - p) && memmem(lower.p, lower.n, p, (size_t)(end - p)))
			return true;
		p = end + 1;
	}
	return false;
}

static struct str lower_of(struct str s, char *to, size_t max)
{
	size_t n = MIN(s.n, max);
	for (size_t i = 0; i < n; i++)
		to[i] = (char)tolower((u8)s.p[i]);
	return str_n(to, n);
}

/* ---- places ---- */

static const char unread_ends[] = "|bmp|gif|jpg|jpeg|png|svg|tif|tiff|ico|webp|avif|eot|otf|ttf|woff|woff2|doc|docx|xls|xlsx|ppt|pptx|pdf|mp3|mp4|ogg|wav|avi|mov|"
  "webm|flac|pub|mo|gmo|po|pot|"
				  "asc|sig|vsidx|suo|wsuo|pdb|gltf|psd|blend|icc|afm|pfb|";
static const char unread_names[] = "|go.mod|go.sum|go.work|go.work.sum|modules.txt|gradlew|gradlew.bat|"
  "gradle.lockfile|mvnw|mvnw.cmd|mavenwrapperdownloader.java|deno.lock|npm-shrinkwrap.json|"
				   "package-lock.json|pnpm-lock.yaml|yarn.lock|bun.lock|pipfile.lock|poetry.lock|uv.lock|pdm.lock|"
				     "cargo.lock|composer.lock|gemfile.lock|gitleaks.toml|.gitleaks.toml|"
				   "verification-metadata.xml|database.refactorlog|javascript.json|record|md5sums|copyright|changelog.debian.gz|";
static const char test_dirs[] = "|test|tests|testing|testdata|test-data|__tests__|spec|specs|fixtures|fixture|mock|mocks|example|examples|sample|samples|demo|demos|"
  "benchmark|benchmarks|";
static const char others_dirs[] = "|node_modules|bower_components|site-packages|dist-packages|gems|vendor|jspm_packages|.cargo|.rustup|.m2|.gradle|.nuget|.composer|"
  ".pub-cache|.npm|.yarn|locale|locales|third_party|third-party|_vendor|";

static bool under(struct str path, const char *dir) { return str_starts(path, str_of(dir)); }

static bool foreign(struct str path, bool *test)
{
	bool others = under(path, "usr/share/") || under(path, "usr/lib/") || under(path, "usr/lib64/") || under(path, "usr/libexec/") || under(path,
	  "usr/include/") || under(path, "usr/local/go/") || under(path, "usr/local/lib/python") ||
		      under(path, "usr/local/lib/node_modules/") || under(path, "usr/local/include/") || under(path, "usr/src/") || under(path,
		        "opt/yarn-v") || under(path, "opt/conda/") || under(path, "lib/") || under(path, "lib64/") ||
		      under(path, "go/pkg/") || under(path, "root/go/pkg/") || under(path, "var/lib/dpkg/") || under(path, "var/lib/apt/") || under(path,
		        "lib/apk/") || under(path, "var/lib/rpm/") || under(path, "var/log/anaconda/") ||
		      under(path, "usr/bin/") || under(path, "usr/sbin/") || under(path, "bin/") || under(path, "sbin/") || under(path, "boot/") || under(path,
		        "nix/store/");
	struct str rest = path, before = str_n("", 0);
	*test = false;
	while (rest.p) {
		struct str part = str_cut(&rest, '/');
		if (!rest.p)
			break; /* the name */
		others |= word_of(part, others_dirs) || (str_starts(part, STR("python")) && (str_is(before, "lib") || str_is(before, "lib64"))) || str_ends(part,
		  STR(".dist-info")) || str_ends(part, STR(".egg-info"));
		*test |= word_of(part, test_dirs);
		before = part;
	}
	return others;
}

enum secret_place secret_place(struct str path)
{
	struct str name = str_base(path);
	const char *dot = name.n ? memrchr(name.p, '.', name.n) : NULL;
	struct str end = dot && dot > name.p ? str_from(name, (size_t)(dot - name.p) + 1) : str_n("", 0);
	bool test, others = foreign(path, &test);
	if (word_of(end, unread_ends) || word_of(name, unread_names) || under(path, "usr/share/doc/") || under(path, "usr/share/man/") || under(path,
	  "usr/share/info/") || under(path, "usr/share/locale/") || under(path, "usr/share/licenses/"))
		return PLACE_NOTHING;
	if (others && (test || str_starts(name, STR("test_")) || str_contains(name, STR("_test."))))
		return PLACE_NOTHING;
	if (others && (word_of(end, "|md|rst|markdown|adoc|") || word_of(name, "|readme|readme.txt|changelog|changes|news|metadata|pkg-info|")))
		return PLACE_NOTHING;
	if (others || test || word_of(end, "|md|rst|markdown|adoc|map|html|htm|css|less|scss|ipynb|") || str_ends(name, STR(".min.js")))
		return PLACE_STRONG_ONLY;
	return PLACE_ANY;
}

/* ---- names ---- */

/* Names, their separators left out, whose values are none; each has to lie over the rule's word. */
static const char harmless[] =
	"|accessib|accessor|accessid|accesslog|accesslevel|accessmode|accesscontrol|accesstime|accesspolic|"
	  "accesstype|accessurl|randomaccess|apiid|apiname|apiversion|apigroup|apiserver|apiresource|apikind|apitype|apidoc|apiurl|apiuri|apihost|"
	"apibase|apipath|apiendpoint|apigateway|apigee|apilevel|rapid|capital|capita|author|xmsexchange|"
	  "authenticationresults|authtype|authmode|authmethod|authurl|authuri|authprovider|authdomain|authserver|authenticat|credentialid|credentialsid|withcredential|"
	"credentialurl|credentialsurl|credentialtype|credentialname|credentialfile|bucketkey|foreignkey|"
	  "hotkey|idxkey|naturalkey|primarykey|pubkey|publickey|publickeytoken|schemakey|sequencekey|cachekey|sortkey|partitionkey|objectkey|translationkey|mapkey|"
	  "rowkey|groupkey|indexkey|"
	"uniquekey|lookupkey|hashkey|hkey|regkey|turkey|monkey|donkey|hockey|jockey|whiskey|keyalias|keyboard|keycode|keyframe|keyid|keylength|keymesh|keyname|keypair|"
	  "keypress|keyring|keyselector|keysignature|keysize|keystone|keystoretype|keystorefile|"
	"keystorepath|keyword|keyup|keydown|keyleft|keyright|keyvault|keytabfile|keytabpath|keyfile|keypath|keytype|keyhash|keyspace|keytool|keycloak|keyusage|keypoint|"
	  "keyservers|keyserver|keyevent|keyformat|keyindex|keyfunc|keyed|keying|keymap|keynote|keyprefix|keypattern|"
	"keyfield|tokenfile|tokenpath|tokentype|tokenurl|tokenuri|tokenname|tokenendpoint|tokeniz|tokenlength|"
	  "tokencount|tokenexpir|tokenttl|tokenclass|tokenkind|tokenid|tokenprovider|secretlength|secretname|secretsize|secretsid|secretid|secretref|secretkeyref|"
	  "secretpath|secretfile|secreturl|secretstore|"
	"secretprovider|secretary|csrftoken|xsrftoken|csrfmiddlewaretoken|jsonwebtoken|publictoken|canceltoken|cancellationtoken|synctoken|pagetoken|nextpagetoken|"
	  "continuationtoken|nexttoken|passwordfile|passwordpath|passwordfield|passwordlabel|passwordhint|passwordpolicy|passwordlength|passwordurl|"
	"passwordvariable|passwordhash|passwordenv|passwordkey|passwordtype|passwordinput|passwordreset|passwordsalt|passwordencryption|passwordstorage|passwordencoder|";
/* And those that end in such a word. */
static const char harmless_last[] = "|id|ids|url|uri|urls|endpoint|name|names|file|filename|path|paths|dir|length|len|size|type|types|version|count|hash|alias|index|"
  "label|prefix|suffix|format|policy|expiry|expires|expiration|ttl|algorithm|alg|usage|"
				    "field|fields|column|pattern|regex|header|headers|param|hint|title|description|message|error|"
				      "class|method|methods|provider|handler|manager|cache|map|ref|placeholder|enabled|disabled|"
				      "required|mode|level|status|state|date|time|timeout|"
				    "host|hostname|port|domain|region|schema|scheme|range|pair|ring|code|frame|board|up|down|"
				      "left|right|sha1|sha256|sha512|md5|checksum|digest|fingerprint|email|user|username|";

static struct str last_word(struct str name)
{
	size_t end = name.n;
	while (end && !isalnum((u8)name.p[end - 1]))
		end--;
	size_t at = end;
	while (at && isalnum((u8)name.p[at - 1])) {
		at--;
		/* "credentialsId": the capital begins the word; "API_ID", "userURL": capitals hold together */
		if (isupper((u8)name.p[at]) && at && !isupper((u8)name.p[at - 1]))
			break;
	}
	return str_n(name.p + at, end - at);
}

bool secret_harmless_name(struct str name, size_t word, size_t word_n)
{
	char flat[160];
	size_t n = 0, from = 0, to = 0;
	for (size_t i = 0; i < name.n && n < sizeof flat; i++) {
		if (i == word)
			from = n;
		if (isalnum((u8)name.p[i]))
			flat[n++] = (char)tolower((u8)name.p[i]);
		if (i + 1 == word + word_n)
			to = n;
	}
	for (const char *p = harmless + 1; *p;) {
		const char *end = strchr(p, '|');
		size_t len = (size_t)(end - p);
		for (size_t at = from > len ? from - len + 1 : 0; at < to && at + len <= n; at++)
			if (memcmp(flat + at, p, len) == 0 && !(str_starts(str_n(flat + at, n - at), STR("authoriz")) && !str_contains(str_n(flat, n),
			  STR("authorizationid"))))
				return true;
		p = end + 1;
	}
	struct str last = last_word(name);
	return word_of(last, harmless_last) && last.p >= name.p + word + word_n - MIN(word_n, 2);
}

/* ---- values ---- */

static const char said[] = "|true|false|null|none|nil|undefined|unset|empty|default|changeme|changeit|change_me|change-me|password|passwd|passphrase|pass|"
  "pwd|secret|token|apikey|api_key|key|test|testing|test123|test1234|example|sample|dummy|fake|foo|bar|foobar|baz|"
			   "redacted|removed|hidden|masked|censored|todo|tbd|fixme|xxx|yyy|zzz|abc|abc123|abcdef|"
			     "123456|1234567|12345678|123456789|1234567890|0123456789|password1|password123|passw0rd|"
			     "p@ssw0rd|p@ssword|secret123|mypassword|mysecret|mytoken|topsecret|admin|"
			   "root|user|username|guest|anonymous|string|value|required|optional|disabled|enabled|qwerty|"
			     "letmein|welcome|hunter2|...|invalid|prompt|interactive|scram-sha-256|md5|sha256|sha512|bcrypt|plain|plaintext|proxypass|repopwd|repouser|";
static const char held[] = "|changeme|change_me|change-me|changeit|placeholder|your_|your-|yourpass|yoursecret|yourtoken|yourkey|your.|my_secret|my-secret|"
  "mysecretpassword|example|redacted|insert_|replace|put_your|put-your|_here|-here|<token|dummy|xxxx|.....|*****|"
			   "_____|00000000|secretkeyref|process.env|os.environ|getenv|env.|environ[|/run/secrets|.secret_|"
			     "correcthorse|lorem|notasecret|not-a-secret|not_a_secret|insecure|deadbeef|cafebabe|1234567890abcdef|0123456789abcdef|abcdefghij|";
static const char file_ends[] = "|txt|pem|crt|cer|key|p12|pfx|jks|xml|json|yml|yaml|toml|ini|conf|cfg|properties|env|sh|py|js|ts|jsx|tsx|java|go|rb|php|c|h|cpp|"
  "rs|cs|html|htm|css|md|log|csv|sql|db|keytab|keystore|jar|war|zip|tar|gz|png|jpg|gif|svg|dll|so|exe|com|org|net|io|dev|local|internal|";

static bool file_or_host(struct str v)
{
	const char *dot = v.n ? memrchr(v.p, '.', v.n) : NULL;
	return dot && word_of(str_from(v, (size_t)(dot - v.p) + 1), file_ends);
}

/* "v1.2.3", "jjwt-0.11.2": digits, dot, digits, dot, digits. */
static bool version(struct str v)
{
	u32 dots = 0;
	bool digit = false;
	for (size_t i = 0; i < v.n; i++) {
		if (isdigit((u8)v.p[i])) {
			digit = true;
			if (dots == 2)
				return v.n < 64;
		} else if (v.p[i] == '.' && digit) {
			dots++;
			digit = false;
		} else {
			dots = 0;
			digit = false;
		}
	}
	return false;
}

bool secret_said(struct str v)
{
	v = str_trim(v);
	return secret_placeholder(v) || word_of(v, said);
}

bool secret_says_password(struct str v)
{
	char low[256];
	return holds_word(lower_of(v, low, sizeof low), "|password|passwd|passwort|");
}

bool secret_stands_for(struct str v)
{
	char low[256];
	v = str_trim(v);
	if (secret_said(v))
		return true;
	bool same = true;
	for (size_t i = 1; i < v.n; i++)
		same &= v.p[i] == v.p[0];
	if (same || (v.n > 2 && strchr("%@#_", v.p[0]) && v.p[v.n - 1] == v.p[0]) || (v.n > 2 && v.p[0] == '#' && v.p[1] == '{'))
		return true;
	if (v.p[0] == '/' && v.n > 1 && (isalpha((u8)v.p[1]) || v.p[1] == '/') && memchr(v.p + 1, '/', v.n - 1) && !str_chr(v, '+') && !str_chr(v, '='))
		return true; /* a path */
	if (v.n >= 10 && isdigit((u8)v.p[0]) && isdigit((u8)v.p[3]) && v.p[4] == '-' && isdigit((u8)v.p[5]) && v.p[7] == '-' && (v.n == 10 || v.p[10] == 'T'))
		return true; /* a day */
	if ((v.p[0] == '.' && v.n > 1 && (v.p[1] == '/' || v.p[1] == '.')) || str_contains(v, STR("{{")) || str_contains(v, STR("://")))
		return true;
	return holds_word(lower_of(v, low, sizeof low), held) || version(v) || file_or_host(v);
}

static const char vocabulary[] =
	"|access|account|action|active|adapter|address|admin|alert|algorithm|alias|alpha|amazon|android|angular|answer|apache|apple|array|article|asset|async|"
	  "attach|audio|audit|author|auth_|auto|backend|backup|basic|batch|beta|binary|block|board|book|boot|border|"
	"bottom|bound|branch|brand|bridge|browser|buffer|build|bundle|button|bytes|cache|calendar|call|camera|cancel|card|category|center|certificate|change|channel|"
	  "chart|check|child|cipher|circle|class|clean|clear|click|client|clone|close|cloud|cluster|code|"
	"collection|color|column|command|comment|commit|common|compare|compile|complete|component|config|confirm|connect|console|const|contact|container|content|"
	  "context|control|convert|cookie|copy|core|count|country|create|credential|current|cursor|custom|"
	"daemon|dashboard|data|date|debug|decode|default|delete|demo|deploy|describe|description|design|desktop|detail|develop|device|dialog|digest|digital|direct|"
	  "disable|display|docker|document|domain|double|download|draft|driver|dynamic|editor|element|email|embed|empty|"
	"enable|encode|encrypt|encryption|endpoint|engine|entity|entry|enum|environ|error|event|exception|exchange|execut|executed|expire|export|express|extension|"
	  "external|factory|fail|false|feature|field|file|filter|final|find|first|flag|float|folder|font|force|foreign|form|"
	"forward|frame|free|front|func|gateway|general|generat|generic|github|gitlab|global|google|graph|group|handle|hardware|hash|header|height|hello|help|hidden|"
	  "history|home|hook|host|html|http|icon|identi|image|import|index|info|input|insert|install|instance|"
	"integer|interface|internal|invalid|issue|item|java|json|kernel|keyboard|label|language|last|latest|layer|layout|level|library|license|light|like|limit|line|"
	  "link|linux|list|load|local|location|lock|logger|login|logout|machine|main|manage|manual|mapping|"
	"markdown|master|match|media|member|memory|menu|merge|message|meta|method|metric|middle|migrat|minimum|mobile|mock|model|module|monitor|mouse|multi|name|"
	  "native|network|next|node|none|normal|note|notif|null|number|oauth|object|offset|online|open|operat|"
	"option|oracle|order|origin|other|output|override|owner|package|page|panel|param|parent|parse|partner|password|path|pattern|payment|people|period|permission|"
	  "person|phone|pipeline|plain|platform|player|plugin|point|policy|pool|port|position|post|power|prefix|present|"
	"preview|price|primary|print|private|process|product|profile|program|progress|project|prompt|property|protocol|provider|proxy|public|publish|pull|push|"
	  "python|query|queue|quick|random|range|react|read|real|record|redirect|refer|refresh|region|regist|"
	"release|remote|remove|render|repeat|replace|report|repo|request|require|reset|resource|response|rest|result|retry|return|right|role|root|route|rule|"
	  "runtime|sample|schedule|schema|scope|screen|script|search|secret|section|secur|select|send|serial|server|"
	"service|session|setting|setup|shadow|share|shell|show|sign|simple|single|site|size|slack|small|snapshot|social|socket|software|sort|source|space|spec|"
	  "spring|stack|stage|stag|standard|start|state|static|status|step|stop|stor|stream|string|style|subject|submit|success|"
	"suffix|summary|support|switch|symbol|sync|system|table|target|task|team|temp|term|test|text|theme|thread|time|title|todo|token|tool|total|trace|track|"
	  "trans|tree|trigger|true|type|ubuntu|unit|unknown|update|upgrade|upload|user|util|uuid|valid|value|"
	"variable|vector|vendor|version|video|view|virtual|visible|volume|warning|watch|webhook|website|widget|width|window|word|work|world|wrapper|write|yaml|"
	  "your|zero|zone|swift|react|bit_|128bit|256bit|_key|-key|_api|-api|";

bool secret_wordy(struct str v)
{
	char low[256];
	return holds_word(lower_of(v, low, sizeof low), vocabulary);
}

/* XXH3 of samples that everybody has: of manuals, emulators, published applications. */
static const u64 samples[] = {
	/* public keys of published applications and of their documentation (Google's, Firebase's, Android's) */
	0x4064f413b6b4edc2u, 0x73adeee5717a4c38u, 0x8668652feb3b81fdu, 0xbb60ca45d41bb466u, 0xceb8d2600e1c75f9u, 0xd6c949e916a0a05fu, 0xbc8cd6dbb507550du,
	0xfe852b1f73c36f03u, 0x682670f4833f197au, 0x17370de3e376e444u, 0x28c00abc3196aae3u, 0x76c85b8280a1809au, 0xbd77c874307b68f6u, 0x204935cd56367db3u,
	0x599675c709bcd3ddu,
	/* Azure's emulators of storage and Cosmos DB */
	0xb9a4a4ca04b71520u, 0x2fe7688f0e934e73u,
	/* NuGet's, Checkmarx's, others' manuals */
	0x6d83d7be17c3d528u, 0x49696b118f827cdcu, 0xa2f09ac9ac469304u, 0xc6ea5144e0f4e9adu, 0x74230c23d84ddee2u,
};

bool secret_known(struct str v)
{
	u64 h = hash64(v, 0);
	for (size_t i = 0; i < countof(samples); i++)
		if (samples[i] == h)
			return true;
	return false;
}
