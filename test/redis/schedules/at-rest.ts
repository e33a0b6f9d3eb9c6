import type { Side } from '../../../domain/plan/plan.ts';
import { readJournal } from './journal.ts';
import { lookAt, type Seen, upForm } from './seen.ts';
import { SCRATCH_DB, type World } from './world.ts';
import { keysOf, type Name, nameOn } from './writes.ts';

export type Loser = { readonly name: Name; readonly state: Seen };

/** The states of all keys of a link on one side, in the order of `keysOf` and in V2 form. */
export async function statesOn(world: World, link: string, side: Side): Promise<readonly Seen[]> {
  const { all } = keysOf(link);
  const names = all.map((name) => nameOn(name, side));
  const seen = await lookAt(world.connection(world.storeOf(side, link)), names);
  return seen.map((state, at) => (all[at]?.dataset === 'match' ? upForm(state) : state));
}

/** The losers in the conflict journal of a link on one side. */
export async function losersOn(world: World, link: string, side: Side): Promise<readonly Loser[]> {
  const store = world.storeOf(side, link);
  const byName = new Map(keysOf(link).all.map((name) => [name[side], name]));
  const scratch = world.connection(store, 'admin', SCRATCH_DB);
  return readJournal(world.connection(store), scratch, world.keyspace, link, byName);
}
