import { Option, type Command } from '@commander-js/extra-typings';
import { AppError, experimentIdPattern } from '@proofhouse/core';
import type { ExperimentApi } from '@proofhouse/client';
import { isBareWorkerToken } from './caller.ts';
import { clientOf, connectedCommand, type ConnectionOptions } from './connected-command.ts';

export const noExperiment = 'No experiment given: use --experiment <id> or set PROOFHOUSE_EXPERIMENT.';

/** Adds the options of `connectedCommand`, and the option for the experiment. */
export function experimentCommand(command: Command) {
  const experiment = new Option('--experiment <id>', 'the experiment it is about').env('PROOFHOUSE_EXPERIMENT');
  return connectedCommand(command).addOption(experiment.makeOptionMandatory());
}

/**
 * Returns the client of the experiment. First checks the form of the experiment id and of the token, because an error
 * of the server would not say which of them is wrong. Throws `bad_request`, `invalid_request` or `unauthenticated`.
 */
export function experimentOf(options: ConnectionOptions & { readonly experiment: string }): ExperimentApi {
  const { experiment, token } = options;
  if (experiment === '') throw new AppError('bad_request', noExperiment);
  if (!experimentIdPattern.test(experiment)) {
    throw new AppError(
      'invalid_request',
      `${JSON.stringify(experiment)} is no id of an experiment: it must be exp_ and 26 characters of lower-case base32.`,
    );
  }
  if (isBareWorkerToken(token)) {
    throw new AppError(
      'unauthenticated',
      'This is a queue token; a worker of an experiment is made by `proofhouse worker register`, and calls with ' +
        '<worker id>:<registration token>.',
    );
  }
  return clientOf(options).experiment(experiment);
}
