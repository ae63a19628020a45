// SPDX-License-Identifier: Apache-2.0
import type { Command } from 'commander'
import { readFleetConfig } from '../config/config.ts'

type Variables = Readonly<Record<string, string | undefined>>

/** `fleet backup` and `fleet restore`: with the variables of the server, on its database, whether or not it runs. */
export function backupCommands(program: Command, env: Variables): void {
  program
    .command('backup')
    .description('write everything the fleet holds to a file, while it runs; its secret is not in it')
    .argument('<place>', 'a file that is not there yet, a folder, or - for the standard output')
    .action(async (place: string) => {
      const { makeBackup } = await import('../server/backup.ts')
      const made = await makeBackup(readFleetConfig(env), place, { out: process.stdout, onTable: say })
      const { path, rows, bytes, digest, header } = made
      say(
        `${rows} rows of ${header.logs} logs as of ${header.made_at}, ${bytes} bytes, sha256 chain ${digest}`,
      )
      say('keep the secret of this fleet elsewhere: without it the backup cannot be restored')
      if (path !== undefined) process.stdout.write(`${path}\n`)
    })
  program
    .command('restore')
    .description('fill an empty database from a backup and verify every log')
    .argument('<file>', 'what fleet backup wrote')
    .option('--check', 'only read the file from end to end; no database is touched')
    .option('--despite-failures', 'open the fleet although logs in the backup fail, to look into it')
    .action(
      async (file: string, options: { readonly check?: boolean; readonly despiteFailures?: boolean }) => {
        if (options.check === true) {
          const { readBackup } = await import('../server/restore.ts')
          const { header, rows, digest } = await readBackup(file)
          process.stdout.write(
            `whole: ${rows} rows of ${header.logs} logs of the fleet ${header.fleet} as of ${header.made_at}, sha256 chain ${digest}\n`,
          )
          return
        }
        const { restoreBackup } = await import('../server/restore.ts')
        const { header, rows, verdict, behind } = await restoreBackup(readFleetConfig(env), file, {
          despiteFailures: options.despiteFailures === true,
          onStep: say,
        })
        for (const { log, size, size_at_node } of behind)
          say(`${log}: ${size} rows here, ${size_at_node} at its node, which sends the rest again`)
        process.stdout.write(
          `${verdict.verdict}: ${rows} rows of ${header.logs} logs restored as of ${header.made_at}\n`,
        )
        say(`whatever was revoked after ${header.made_at} is valid again: revoke it again`)
        if (verdict.verdict === 'FAIL') process.exitCode = 3
      },
    )
}

const say = (line: string): void => void process.stderr.write(`fleet: ${line}\n`)
