import type { Check } from '../../domain/check.ts';
import type { Plan } from '../../domain/plan.ts';
import type { Environment } from '../connection.ts';
import { CHECKS } from './checks.ts';
import { type Finding, green, reasonOf, red, worstOf } from './finding.ts';
import { REACHABLE, REACHABLE_EXPECTED, unreachable } from './reachable.ts';
import { type Facts, type NamedCheck, openWorld, type World } from './world.ts';

/**
 * Runs every check on every store, link and on the plan. Changes nothing but probe keys under the migration's own
 * prefix and a probe user, both removed again. A check that breaks is red itself and hides no other (L7).
 */
export async function runPreflight(
  plan: Plan,
  environment: Environment,
  facts: Facts,
): Promise<readonly Check[]> {
  const world = await openWorld(plan, environment, facts);
  try {
    const checks = await reachability(world);
    for (const check of CHECKS) checks.push(...(await run(check, world)));
    return checks;
  } finally {
    world.close();
  }
}

async function reachability({ stores, unreachable: failed, environment }: World): Promise<Check[]> {
  const reached = stores.map(({ store }) =>
    named(REACHABLE.name, store.name, green('yes', REACHABLE_EXPECTED)),
  );
  const findings = failed.map(async ({ store, error }) =>
    named(REACHABLE.name, store.name, await unreachable(store, environment, error)),
  );
  return [...reached, ...(await Promise.all(findings))];
}

async function run(check: NamedCheck, world: World): Promise<Check[]> {
  const checks: Check[] = [];
  if (check.scope === 'server') {
    for (const { store, servers } of world.stores) {
      const found = await Promise.all(servers.map((server) => survived(() => check.look(server, world))));
      checks.push(named(check.name, store.name, worstOf(found)));
    }
  } else if (check.scope === 'store') {
    for (const subject of world.stores) {
      checks.push(named(check.name, subject.store.name, await survived(() => check.look(subject, world))));
    }
  } else if (check.scope === 'link') {
    for (const link of world.links) {
      checks.push(named(check.name, link.name, await survived(() => check.look(link, world))));
    }
  } else {
    checks.push(named(check.name, 'plan', await survived(() => check.look(world))));
  }
  return checks;
}

async function survived(look: () => Promise<Finding>): Promise<Finding> {
  try {
    return await look();
  } catch (error) {
    const remedy = 'Run the preflight again; if it stays, look at this server’s log at this minute.';
    return red(`the check could not be made: ${reasonOf(error)}`, 'an answer', remedy);
  }
}

function named(name: string, subject: string, finding: Finding): Check {
  return { name, subject, ...finding };
}
