import { cacheFolder } from '../../servers/tool-places.mjs';
import { withLock } from './lock.mjs';
import { npmPackages } from './npm-packages.mjs';
import { prometheus, redisServer, temporalCli, valkeyServer } from './tools.mjs';

/** Runs every step that is not ready yet; true when all are. A step that fails does not keep the others from trying. */
export async function setUp({ dev }) {
  const steps = [npmPackages({ dev }), temporalCli({ dev }), redisServer()];
  if (dev) steps.push(prometheus('prometheus'), prometheus('promtool'), valkeyServer());
  if (steps.every((step) => step.ready())) {
    console.log('set-up: ready');
    return true;
  }
  return withLock(cacheFolder(), async () => {
    let complete = true;
    for (const step of steps) complete = (await done(step)) && complete;
    console.log(complete ? 'set-up: ready' : 'set-up: not complete, see above');
    return complete;
  });
}

/** Asks `ready` again: whoever held the lock before us may have done the work. */
async function done(step) {
  if (step.ready()) return true;
  const start = performance.now();
  try {
    const line = await step.get();
    console.log(`${line} · ${((performance.now() - start) / 1000).toFixed(1)} s`);
    return true;
  } catch (error) {
    console.error(`set-up: ${error.message}`);
    return false;
  }
}
