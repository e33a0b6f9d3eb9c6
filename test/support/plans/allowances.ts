import { type Allowance, ALLOWED_VARIABLES } from '../../../domain/plan/allowance.ts';

/** The allowance of a worker for the stores of the test worlds, and for nothing else. */
export const STORES_ALLOWED: Allowance = {
  variables: ALLOWED_VARIABLES,
  programs: [],
  writable: [],
  readable: [],
};
