import type { Entry } from '../entry.ts';

const WEIGHTS: Readonly<Record<string, string>> = {
  junior: '{"skills":0.25,"experience":0.20,"location":0.20,"contract":0.15,"salary":0.15,"date":0.05}',
  confirmed: '{"skills":0.30,"location":0.20,"salary":0.20,"contract":0.15,"experience":0.10,"date":0.05}',
  senior: '{"skills":0.35,"salary":0.25,"location":0.15,"contract":0.10,"experience":0.05,"date":0.10}',
};

/** The weights of V1's algorithms, as JSON and as hashes. */
export function v1Settings(): Entry[] {
  const settings = Object.entries(WEIGHTS).map(([level, content]): Entry => {
    return { ...PLAIN, key: `config:algorithms:${level}`, value: { type: 'string', content } };
  });
  const fields = [
    ['proximite', '0.25'],
    ['compétences', '0.15'],
    ['flexibilite', '.15'],
  ] as const;
  return [...settings, { ...PLAIN, key: 'weights:ponderation_base', value: { type: 'hash', fields } }];
}

const PLAIN = { home: 'v1', spelling: 'legacy', expiresAt: null } as const;
