import type { Candidate } from './candidate.ts';

/** Plain RESTORE, over whatever stands there: no comparison, no lease, no ledger. The upper bound. */
export const blindPipeline: Candidate = async ({ tracked }) => {
  return async (batch) => {
    const pipeline = tracked.pipeline();
    for (const { key, dump, expireAt } of batch) pipeline.restore(key, expireAt, dump, 'REPLACE', 'ABSTTL');
    await pipeline.exec();
  };
};
