import { Option } from '@commander-js/extra-typings';
import { AppError, experimentIdPattern } from '@proofhouse/core';
import type { ExperimentApi } from '@proofhouse/client';
import { isBareWorkerToken } from './caller.ts';
import { clientOf, connectedCommand, type ConnectionOptions } from './connected-command.ts';

export const noExperiment = 'No experiment given: use --experiment <id> or set PROOFHOUSE_EXPERIMENT.';

/** A command that works in one experiment. */
export function experimentCommand(name: string) {
  const experiment = new Option('--experiment <id>', 'the experiment it is about').env('PROOFHOUSE_EXPERIMENT');
  return connectedCommand(name).addOption(experiment.makeOptionMandatory());
}

/** What the server could only refuse without saying why is said here, before anything is sent. */
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
