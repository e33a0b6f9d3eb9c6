import { Context } from '@temporalio/activity';
import type { FencingToken } from '../domain/authority/fencing-token.ts';
import { assertKnown } from '../redis/state/authority.ts';
import type { Stores } from '../redis/client/stores.ts';
import {
  copySwitchLease,
  fencingPurpose,
  nextFencingNumber,
  takeSwitchLease,
} from '../redis/state/fencing-token.ts';
import type { FencingInput, NumberInput } from '../workflows/activities.ts';
import { beating } from './beating.ts';
import type { Dependencies } from './dependencies.ts';
import { withHeldStores } from './held-stores.ts';

/** The number orders the steps of the workflow. The attempt, which Temporal counts, orders the attempts at one step. */
export function tokenOfAttempt({ fencingNumber }: FencingInput): FencingToken {
  return { number: fencingNumber, attempt: Context.current().info.attempt };
}

/**
 * Runs work that raises or lowers fences. Takes the switch lease first, which ends the connections of every earlier
 * attempt at this step or at a switch. So an earlier attempt whose process was only stopped, and goes on later, changes
 * nothing any more.
 */
export function fencing<T>(
  dependencies: Dependencies,
  input: FencingInput,
  work: (stores: Stores) => Promise<T>,
): Promise<T> {
  const token = tokenOfAttempt(input);
  const { migration } = input.plan;
  return withHeldStores(dependencies, input, fencingPurpose(migration, token), async (stores) => {
    await takeSwitchLease(stores, migration, token);
    // Only the holder of the switch lease can move the authority. So the record that is read here stays as it is until
    // this work has ended.
    await assertKnown(stores, input.plan, input.known);
    const done = await work(stores);
    await copySwitchLease(stores, migration, token);
    return done;
  });
}

export function nextFencingNumberActivity(dependencies: Dependencies) {
  return (input: NumberInput): Promise<number> =>
    beating(() =>
      withHeldStores(dependencies, input, 'number', (stores) =>
        nextFencingNumber(stores, input.plan.migration, input.after),
      ),
    );
}
