import type { Command } from '@commander-js/extra-typings';
import type { CommandContext } from '../../command-context.ts';
import { experimentCommand, experimentOf } from '../../experiment-command.ts';
import { memberIdsText, warnOfNames } from '../../input/member-ids.ts';
import { printResult } from '../../output/print-result.ts';
import { printable } from '../../output/printable.ts';

export function artifactGrant(command: Command, context: CommandContext) {
  return experimentCommand(command)
    .argument('<uri>', 'as the deposit printed it')
    .argument('<reader>', memberIdsText)
    .addHelpText(
      'after',
      '\nExample: proofhouse artifact grant proofhouse://artifacts/a6crfhf7vprfirub6ges5wxg4rxdicpy wkr_01jd7v6m5x0000000000000000',
    )
    .action(async (uri, reader, options) => {
      warnOfNames(context, [reader], options);
      const grant = await experimentOf(options).grantRead(uri, reader);
      printResult(context, options.json === true, grant, () =>
        [`${printable(grant.reader)} may read it.`, `Next: proofhouse artifact fetch ${printable(grant.uri)}`, ''].join(
          '\n',
        ),
      );
    });
}
