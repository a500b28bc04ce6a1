import { Option } from '@commander-js/extra-typings';
import type { ExperimentApi } from '@proofhouse/client';
import { clientOf, connectedCommand, type ConnectionOptions } from './connected-command.ts';

/** A command that works in one experiment. */
export function experimentCommand(name: string) {
  const experiment = new Option('--experiment <id>', 'the experiment it is about').env('PROOFHOUSE_EXPERIMENT');
  return connectedCommand(name).addOption(experiment.makeOptionMandatory());
}

export function experimentOf(options: ConnectionOptions & { readonly experiment: string }): ExperimentApi {
  return clientOf(options).experiment(options.experiment);
}
