import { deflateSync } from 'node:zlib';
import type { AppEntry } from '../entry.ts';
import { type Base, DAY, HOUR, md5 } from './base.ts';
import { embedding, pickle } from './texts.ts';
import { randomOf } from './random.ts';

/** Number of dimensions of an embedding. Small, so that the fill is fast; the real model has 384. */
export const DIMENSIONS = 96;

export function embeddingEntry(base: Base, index: number): AppEntry {
  const random = randomOf(base.seed, 'embedding', index);
  return {
    home: 'nexten',
    key: `embedding:minilm_${md5(base, 'embedding', index)}`,
    spelling: 'legacy',
    value: { type: 'string', content: embedding(random, DIMENSIONS) },
    expiresAt: index % 3 === 0 ? null : base.now + 6 * HOUR + random.below(DAY),
  };
}

/**
 * An RQ job: a hash whose fields `data` and `result` are zlib streams of pickles. Its `job_id` is the id of the RQ job,
 * not of an offer.
 */
export function rqJob(base: Base, index: number): AppEntry {
  const random = randomOf(base.seed, 'rq', index);
  return {
    home: 'nexten',
    key: `rq:job:${md5(base, 'rq', index)}`,
    spelling: 'legacy',
    value: {
      type: 'hash',
      fields: [
        ['status', 'finished'],
        ['origin', 'matching_standard'],
        ['created_at', '2026-11-20T10:00:00.000000Z'],
        ['data', deflateSync(pickle(random, 120))],
        ['result', deflateSync(pickle(random, 60))],
        ['meta', '{"job_id":"rq","offers":"not ours to rename"}'],
      ],
    },
    expiresAt: base.now + DAY + random.below(HOUR),
  };
}

const FLAGS = [
  'enable_v2',
  'enable_nexten_algorithm',
  'enable_smart_selection',
  'enable_ab_testing',
] as const;

/** Feature flags, and the state of a model in binary chunks. */
export function nextenSettings(base: Base): AppEntry[] {
  const flags = FLAGS.map((flag, at) => plain(`feature:${flag}`, at % 2 === 0 ? 'true' : '1.0'));
  const chunks = Array.from({ length: 4 }, (_, at) =>
    plain(`model:weights:${at}`, embedding(randomOf(base.seed, 'model', at), 4_000)),
  );
  return [...flags, plain('flags:traffic', '{"v2_traffic_percentage":10.0}'), ...chunks];
}

function plain(key: string, content: string | Buffer): AppEntry {
  return { home: 'nexten', key, spelling: 'legacy', value: { type: 'string', content }, expiresAt: null };
}
