// Makes bundles.json anew: bundles as Sigstore's own libraries make them with keys, each found good by its verifier.
//     npm install @sigstore/sign @sigstore/verify @sigstore/bundle && node make-bundles.mjs >bundles.json
import crypto from 'node:crypto';
import { createRequire } from 'node:module';
const require = createRequire(process.cwd() + '/');
const { DSSEBundleBuilder, MessageSignatureBundleBuilder } = require('@sigstore/sign');
const { bundleToJSON } = require('@sigstore/bundle');
const { Verifier, toSignedEntity } = require('@sigstore/verify');

const sha256 = (bytes) => crypto.createHash('sha256').update(bytes).digest('hex');
const manifest = JSON.stringify({
	schemaVersion: 2, mediaType: 'application/vnd.oci.image.manifest.v1+json',
	config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: 'sha256:' + sha256('{}'), size: 2 }, layers: [],
});
const statement = (predicateType, hex) => Buffer.from(JSON.stringify({ _type: 'https://in-toto.io/Statement/v1', subject: [{ digest: { sha256: hex }, annotations: { build: '42' } }], predicateType, predicate: {} }));
const SIGN = 'https://sigstore.dev/cosign/sign/v1', DSSE = 'application/vnd.in-toto+json';
const out = { manifest, keys: {}, bundles: [] };

for (const [name, kind, options] of [['p256', 'ec', { namedCurve: 'P-256' }], ['p384', 'ec', { namedCurve: 'P-384' }], ['p521', 'ec', { namedCurve: 'P-521' }], ['ed25519', 'ed25519', {}], ['rsa', 'rsa', { modulusLength: 3072 }]]) {
	const { publicKey, privateKey } = crypto.generateKeyPairSync(kind, options);
	const edwards = name === 'ed25519', own = { p384: 'sha384', p521: 'sha512' }[name];
	let hash = edwards ? undefined : own ?? 'sha256';
	const pem = publicKey.export({ type: 'spki', format: 'pem' });
	out.keys[name] = pem;
	const signer = { sign: async (data) => ({ signature: crypto.sign(hash, data, privateKey), key: { $case: 'publicKey', publicKey: pem, hint: name } }) };
	const verifier = new Verifier({ certificateAuthorities: [], timestampAuthorities: [], tlogs: [], ctlogs: [], publicKey: () => ({ publicKey, validFor: () => true }) },
		{ tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: 0 });
	const add = async (what, builder, artifact, why) => {
		const bundle = await builder.create(artifact);
		if (what.startsWith('message') ? !edwards : !own) // its verifier knows neither a curve's own hash for a statement nor Ed25519 for a message
			verifier.verify(toSignedEntity(bundle, artifact.data));
		out.bundles.push({ key: name, what, why, bundle: bundleToJSON(bundle) });
	};
	const dsse = new DSSEBundleBuilder({ signer, witnesses: [] }), message = new MessageSignatureBundleBuilder({ signer, witnesses: [] });
	await add('statement', dsse, { data: statement(SIGN, sha256(manifest)), type: DSSE }, null);
	hash = edwards ? undefined : 'sha256';
	await add('message', message, { data: Buffer.from(manifest) }, null);
	if (name !== 'p256')
		continue;
	await add('statement of another image', dsse, { data: statement(SIGN, sha256('other')), type: DSSE }, 'its statement is about something else');
	await add('provenance', dsse, { data: statement('https://slsa.dev/provenance/v1', sha256(manifest)), type: DSSE }, 'attests https://slsa.dev/provenance/v1, signs nothing');
	await add('message of another image', message, { data: Buffer.from('other') }, 'names sha256:' + sha256('other'));
	await add('another type', dsse, { data: statement(SIGN, sha256(manifest)), type: 'application/json' }, 'its envelope holds no statement');
}
console.log(JSON.stringify(out, null, 1));
