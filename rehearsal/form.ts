/**
 * The content of a value, for both sides. Texts are templates: `{{jobs}}` stands for a name that differs between the
 * two forms. So both forms of every document are written by hand, and no code of the migration is needed to know them.
 */
export type AppContent = string | Buffer;

/** The names as one spelling of V1's form has them, or as V2's form has them. */
type Words = Readonly<Record<'jobs' | 'job_id' | 'job_ids' | 'total_jobs', string>>;

/** The spelling of the names in a document of V1. `native` spells them as V2 does. */
export type AppSpelling = 'legacy' | 'french' | 'job_data' | 'native';

/** `source`: the form of V1 and Nexten. `target`: the form of V2. */
export type AppForm = 'source' | 'target';

const V2_WORDS = { jobs: 'jobs', job_id: 'job_id', job_ids: 'job_ids', total_jobs: 'total_jobs' } as const;
const LEGACY = {
  jobs: 'offers',
  job_id: 'offer_id',
  job_ids: 'offer_ids',
  total_jobs: 'total_offers',
} as const;

const SOURCE_WORDS: Readonly<Record<AppSpelling, Words>> = {
  legacy: LEGACY,
  french: { ...LEGACY, jobs: 'offres', total_jobs: 'total_offres' },
  job_data: { ...LEGACY, jobs: 'job_data' },
  native: V2_WORDS,
};

export type Look = { readonly form: AppForm; readonly spelling: AppSpelling };

export function renderText(template: string, { form, spelling }: Look): string {
  const words: Readonly<Record<string, string>> = form === 'target' ? V2_WORDS : SOURCE_WORDS[spelling];
  return template.replace(/\{\{(\w+)\}\}/g, (mark, name: string) => words[name] ?? mark);
}

/** @returns the bytes of a content in one form; opaque bytes are the same in both forms */
export function render(content: AppContent, look: Look): Buffer {
  return typeof content === 'string' ? Buffer.from(renderText(content, look)) : content;
}
