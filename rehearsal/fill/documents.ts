import { deflateSync } from 'node:zlib';
import type { Random } from './random.ts';
import { candidateText, jobText } from './people.ts';

/** A list of jobs as JSON; order matters, because questionnaires refer to it by position. */
export function jobList(random: Random, tag: string): string {
  const jobs = Array.from({ length: 1 + random.below(3) }, (_, at) => jobText(random, `${tag}-${at}`));
  return `[${jobs.join(',')}]`;
}

/** A match result. `1.0`, `94.5` and integers beyond 2^53 have to survive to the letter. */
export function resultText(random: Random, tag: string, seq: number): string {
  const score = `${60 + random.below(40)}.${random.below(10)}`;
  return `{"algorithm_used":"smart-match","execution_time_ms":45.32,"{{total_jobs}}":1,"total_jobs_analyzed":1,"{{job_ids}}":["${tag}"],"matches":[{"{{job_id}}":"${tag}","matching_score":${score},"confiance":1.0,"matching_details":{"skills":95,"location":100.0},"recommendations":["🎯 Excellent match - Candidature fortement recommandée"]}],"trace":${18_014_398_509_481_984n + BigInt(random.below(1_000))},"cache_hit":false,"seq":${seq}}`;
}

/** A cached match with the jobs it was made from. Spaces as the writer left them. */
export function matchText(random: Random, tag: string, seq: number): string {
  return `{"{{jobs}}": ${jobList(random, tag)}, "result": ${resultText(random, tag, seq)}, "weight": 1.0, "score": 94.5}`;
}

/** A candidate with what he or she applied for; V2 adds a member that only V2 knows. */
export function candidateDocument(random: Random, tag: string, seq: number, v2Only = ''): string {
  return `{"candidate":${candidateText(random)},"{{job_ids}}":["${tag}-0","${tag}-1"],"{{jobs}}":${jobList(random, tag)},"{{total_jobs}}":2,${v2Only}"seq":${seq}}`;
}

/** Bytes as Python's pickle writes them: nobody may unpickle them, everybody has to carry them. */
export function pickle(random: Random, length: number): Buffer {
  const body = Buffer.concat([
    Buffer.from('}\x94(\x8c\x05score\x94G@W\xa0', 'latin1'),
    random.bytes(length),
    Buffer.from('u.'),
  ]);
  const frame = Buffer.alloc(8);
  frame.writeBigUInt64LE(BigInt(body.length));
  return Buffer.concat([Buffer.from([0x80, 0x04, 0x95]), frame, body]);
}

/** The tag of V2's optimizer before a zlib stream of a pickle. */
export function compressed(random: Random): Buffer {
  return Buffer.concat([Buffer.from('compressed:'), deflateSync(pickle(random, 200))]);
}

/** 32-bit floats as numpy leaves them in memory. */
export function embedding(random: Random, dimensions: number): Buffer {
  return Buffer.from(Float32Array.from({ length: dimensions }, () => random.next() * 2 - 1).buffer);
}
