// Fetches what `npm start` needs, with --dev also what `npm test` needs. Needs no package itself, for it brings them.
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 11)) {
  console.error(`set-up: Node.js 20.11 or later is needed, this is ${process.versions.node}`);
  process.exit(1);
}
// Not a static import: an older Node would fail on it before it could say the sentence above.
const { setUp } = await import('./set-up/set-up.mjs');
process.exitCode = (await setUp({ dev: process.argv.includes('--dev') })) ? 0 : 1;
