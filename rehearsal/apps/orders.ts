import type { Base } from '../fill/base.ts';
import type { TallyNumbers } from './tally.ts';

/** The messages between the rehearsal and the process of the apps. */
export type AppsConfiguration = {
  readonly base: Base;
  readonly keys: number;
  readonly logFile: string;
  /** URLs with the apps' own users. */
  readonly urls: { readonly v1: string; readonly nexten: string; readonly v2: string };
};

export type Order =
  | { readonly order: 'begin'; readonly configuration: AppsConfiguration }
  /** The apps finish the requests under way and begin no new ones. */
  | { readonly order: 'pause' }
  | { readonly order: 'resume' }
  | { readonly order: 'tally' };

export type Answer =
  | { readonly answer: 'running' | 'paused' }
  | { readonly answer: 'tally'; readonly numbers: TallyNumbers };
