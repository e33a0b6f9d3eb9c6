import type { Check } from '../../domain/run/check.ts';
import type { Plan } from '../../domain/plan/plan.ts';
import type { Environment } from '../client/connection.ts';
import { CHECKS } from './checks.ts';
import { type CheckFinding, green, reasonOf, red, worstOf } from './finding.ts';
import { REACHABLE, REACHABLE_EXPECTED, unreachable } from './reachable.ts';
import { type Facts, type NamedCheck, openWorld, type PreflightWorld } from './world.ts';

/**
 * Runs every check on every store, on every link and on the plan. It writes only probe keys under the migration's own
 * prefix and a probe user, and removes them again. A check that throws counts as red, because its subject is unknown.
 * The other checks still run.
 */
export async function runPreflight(
  plan: Plan,
  environment: Environment,
  facts: Facts,
): Promise<readonly Check[]> {
  const world = await openWorld(plan, environment, facts);
  try {
    const checks = reachability(world);
    for (const check of CHECKS) checks.push(...(await run(check, world)));
    return checks;
  } finally {
    world.close();
  }
}

function reachability({ stores, unreachable: failed }: PreflightWorld): Check[] {
  const reached = stores.map(({ store }) =>
    named(REACHABLE.name, store.name, green('yes', REACHABLE_EXPECTED)),
  );
  const findings = failed.map(({ store, error }) => named(REACHABLE.name, store.name, unreachable(error)));
  return [...reached, ...findings];
}

async function run(check: NamedCheck, world: PreflightWorld): Promise<Check[]> {
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

async function survived(look: () => Promise<CheckFinding>): Promise<CheckFinding> {
  try {
    return await look();
  } catch (error) {
    const remedy = 'Run the preflight again; if it stays, look at this server’s log at this minute.';
    return red(`the check could not be made: ${reasonOf(error)}`, 'an answer', remedy);
  }
}

function named(name: string, subject: string, finding: CheckFinding): Check {
  return { name, subject, ...finding };
}
