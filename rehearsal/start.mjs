// Runs for `npm start`: a whole migration on embedded servers.
import { launch } from '../client/launch.mjs';

await launch(new URL('main.ts', import.meta.url), ({ rehearse }) => rehearse(process.argv.slice(2)));
