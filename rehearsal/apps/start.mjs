// Runs for the rehearsal: the process of the three apps.
import { launch } from '../../client/launch.mjs';

await launch(new URL('main.ts', import.meta.url), ({ obey }) => obey());
