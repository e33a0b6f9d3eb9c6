import type { Random } from './random.ts';
import { deflateSync } from 'node:zlib';

const FIRST = [
  'Éloïse',
  'Maël',
  'Chloé',
  'Noé',
  'Zoë',
  'François',
  'Anaïs',
  'Jérôme',
  'Inès',
  'Loïc',
] as const;
const LAST = ['Lefèvre', 'Müller', 'Bérénger', "N'Diaye", 'Gauthier', 'Åström', 'Fournier', 'Pérez'] as const;
const CITIES = ['75001 Paris', '69003 Lyon', '59000 Lille', '31000 Toulouse', '06000 Nice'] as const;
const SKILLS = [
  'Python',
  'React',
  'PostgreSQL',
  'C',
  'R',
  'Go',
  'Django',
  'Kubernetes',
  'TypeScript',
] as const;
const TITLES = [
  'Développeur Full Stack',
  'Ingénieure données',
  'Chargé·e de recrutement',
  'Architecte',
] as const;
const FIRMS = ['TechVision', 'Société Générale d’Essais', 'Café & Cie', 'Œuvre "Numérique"'] as const;
const PAY = ['45K-55K€', '50000-60000', 'selon profil', '45 000 - 55 000 €'] as const;

/** JSON text of a candidate as V1 writes it: raw UTF-8, and numbers in any spelling. */
export function candidateText(random: Random): string {
  const first = random.pick(FIRST);
  const last = random.pick(LAST);
  return `{"nom":"${last}","prenom":"${first}","email":"${first}.${last}@exemple.fr","competences":${skills(random)},"adresse":"${1 + random.below(99)} rue de l'Église, ${random.pick(CITIES)}","annees_experience":${random.below(30)},"salaire_souhaite":${30_000 + random.below(40_000)},"disponibilite":"immédiate ✅"}`;
}

/** One element of a job list. It is the partner's own data: no transform may change it, not even its `offer_id`. */
function jobText(random: Random, id: string): string {
  const plainOrNumber = random.below(4) === 0 ? String(random.below(100_000)) : `"${id}"`;
  return `{"id":${plainOrNumber},"offer_id":"P-${random.below(1_000)}","titre":"${random.pick(TITLES)}","entreprise":${JSON.stringify(random.pick(FIRMS))},"localisation":"${random.pick(CITIES)}","type_contrat":"CDI","competences":${skills(random)},"salaire":"${random.pick(PAY)}","experience":"3-5 ans","jours_rtt":${random.below(12)}}`;
}

function skills(random: Random): string {
  return JSON.stringify([random.pick(SKILLS), random.pick(SKILLS), random.pick(SKILLS)]);
}

/** A list of jobs as JSON. The order matters, because questionnaires refer to a job by its position. */
export function jobList(random: Random, tag: string): string {
  const jobs = Array.from({ length: 1 + random.below(3) }, (_, at) => jobText(random, `${tag}-${at}`));
  return `[${jobs.join(',')}]`;
}

/** A match result. `1.0`, `94.5` and integers beyond 2^53 must survive to the letter. */
export function resultText(random: Random, tag: string, seq: number): string {
  const score = `${60 + random.below(40)}.${random.below(10)}`;
  return `{"algorithm_used":"smart-match","execution_time_ms":45.32,"{{total_jobs}}":1,"total_jobs_analyzed":1,"{{job_ids}}":["${tag}"],"matches":[{"{{job_id}}":"${tag}","matching_score":${score},"confiance":1.0,"matching_details":{"skills":95,"location":100.0},"recommendations":["🎯 Excellent match - Candidature fortement recommandée"]}],"trace":${18_014_398_509_481_984n + BigInt(random.below(1_000))},"cache_hit":false,"seq":${seq}}`;
}

/** A cached match with the jobs that it was made from. The spaces must stay as the writer left them. */
export function matchText(random: Random, tag: string, seq: number): string {
  return `{"{{jobs}}": ${jobList(random, tag)}, "result": ${resultText(random, tag, seq)}, "weight": 1.0, "score": 94.5}`;
}

/** A candidate and the jobs of the application. `v2Only`: a member that only V2 knows. */
export function candidateDocument(random: Random, tag: string, seq: number, v2Only = ''): string {
  return `{"candidate":${candidateText(random)},"{{job_ids}}":["${tag}-0","${tag}-1"],"{{jobs}}":${jobList(random, tag)},"{{total_jobs}}":2,${v2Only}"seq":${seq}}`;
}

/** Bytes as Python's pickle writes them. No code may unpickle them; every copy must carry them unchanged. */
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

/** The tag of V2's optimizer, then a zlib stream of a pickle. */
export function compressed(random: Random): Buffer {
  return Buffer.concat([Buffer.from('compressed:'), deflateSync(pickle(random, 200))]);
}

/** 32-bit floats as numpy holds them in memory. */
export function embedding(random: Random, dimensions: number): Buffer {
  return Buffer.from(Float32Array.from({ length: dimensions }, () => random.next() * 2 - 1).buffer);
}
