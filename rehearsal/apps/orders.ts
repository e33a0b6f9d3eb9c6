import type { Base } from '../fill/base.ts';
import type { TallyNumbers } from './tally.ts';

/** What the rehearsal tells the process of the apps, and what it hears from it. */
export type AppsConfiguration = {
  readonly base: Base;
  readonly keys: number;
  readonly logFile: string;
  /** URLs with the apps' own users. */
  readonly urls: { readonly v1: string; readonly nexten: string; readonly v2: string };
};

export type Order =
  | { readonly order: 'begin'; readonly configuration: AppsConfiguration }
  /** Finishes the requests under way and begins no new ones. */
  | { readonly order: 'pause' }
  | { readonly order: 'resume' }
  | { readonly order: 'tally' };

export type Answer =
  | { readonly answer: 'running' | 'paused' }
  | { readonly answer: 'tally'; readonly numbers: TallyNumbers };
