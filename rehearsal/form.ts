/**
 * What a value looks like on either side. Texts are templates: `{{jobs}}` stands for a name that differs between the
 * forms, so that both forms of each document are written by hand, and no code of the migration is needed to know them.
 */
export type Content = string | Buffer;

/** Names as they stand in one spelling of V1's form, or in V2's. */
type Words = Readonly<Record<'jobs' | 'job_id' | 'job_ids' | 'total_jobs', string>>;

/** How a document of V1 spells them; `native` already says it as V2 does. */
export type Spelling = 'legacy' | 'french' | 'job_data' | 'native';

/** `source`: as V1 and Nexten hold it; `target`: as V2 holds it. */
export type Form = 'source' | 'target';

const V2_WORDS = { jobs: 'jobs', job_id: 'job_id', job_ids: 'job_ids', total_jobs: 'total_jobs' } as const;
const LEGACY = {
  jobs: 'offers',
  job_id: 'offer_id',
  job_ids: 'offer_ids',
  total_jobs: 'total_offers',
} as const;

const SOURCE_WORDS: Readonly<Record<Spelling, Words>> = {
  legacy: LEGACY,
  french: { ...LEGACY, jobs: 'offres', total_jobs: 'total_offres' },
  job_data: { ...LEGACY, jobs: 'job_data' },
  native: V2_WORDS,
};

export type Look = { readonly form: Form; readonly spelling: Spelling };

export function renderText(template: string, { form, spelling }: Look): string {
  const words: Readonly<Record<string, string>> = form === 'target' ? V2_WORDS : SOURCE_WORDS[spelling];
  return template.replace(/\{\{(\w+)\}\}/g, (mark, name: string) => words[name] ?? mark);
}

/** The bytes of a content in one form; opaque bytes are the same in both. */
export function render(content: Content, look: Look): Buffer {
  return typeof content === 'string' ? Buffer.from(renderText(content, look)) : content;
}
