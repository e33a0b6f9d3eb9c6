import type { Stage } from './stage.ts';

/** Sizes of the runs. `quick` shows that everything works and measures nothing. */
export type Sizes = {
  readonly quick: boolean;
  /** Keys of the data set. */
  readonly keys: number;
  /** How long a load lasts. */
  readonly seconds: number;
};

/** One measured quantity of a scenario. */
export type Figure = { readonly name: string; readonly unit: string; readonly better: 'more' | 'less' };

export type Figures = Readonly<Record<string, number>>;

/** Does the work of a scenario: our sync, or a peer. `run` throws when the end check finds a difference. */
export type Contender = { readonly name: string; run(stage: Stage): Promise<Figures> };

export type Scenario = {
  readonly name: string;
  /** `--only` selects by the group or by the name. */
  readonly group: string;
  readonly question: string;
  readonly figures: readonly Figure[];
  readonly contenders: readonly Contender[];
  /** A run that takes longer gets no figure. */
  readonly deadlineMs: number;
};
