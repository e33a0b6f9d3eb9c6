import type { Random } from './random.ts';

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

/** JSON text of a candidate as V1 writes it: raw UTF-8, numbers in any spelling. */
export function candidateText(random: Random): string {
  const first = random.pick(FIRST);
  const last = random.pick(LAST);
  return `{"nom":"${last}","prenom":"${first}","email":"${first}.${last}@exemple.fr","competences":${skills(random)},"adresse":"${1 + random.below(99)} rue de l'Église, ${random.pick(CITIES)}","annees_experience":${random.below(30)},"salaire_souhaite":${30_000 + random.below(40_000)},"disponibilite":"immédiate ✅"}`;
}

/** One element of a job list: the partner's own data, which no transform may touch, not even its `offer_id`. */
export function jobText(random: Random, id: string): string {
  const plainOrNumber = random.below(4) === 0 ? String(random.below(100_000)) : `"${id}"`;
  return `{"id":${plainOrNumber},"offer_id":"P-${random.below(1_000)}","titre":"${random.pick(TITLES)}","entreprise":${JSON.stringify(random.pick(FIRMS))},"localisation":"${random.pick(CITIES)}","type_contrat":"CDI","competences":${skills(random)},"salaire":"${random.pick(PAY)}","experience":"3-5 ans","jours_rtt":${random.below(12)}}`;
}

export function skills(random: Random): string {
  return JSON.stringify([random.pick(SKILLS), random.pick(SKILLS), random.pick(SKILLS)]);
}
