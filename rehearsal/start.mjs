// Runs for `npm start`: a whole migration on embedded servers.
import { launch } from '../client/launch.mjs';

await launch(async () => {
  const { rehearse } = await import('./main.ts');
  return rehearse(process.argv.slice(2));
});
