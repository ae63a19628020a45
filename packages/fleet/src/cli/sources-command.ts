// SPDX-License-Identifier: Apache-2.0
import type { Command } from 'commander'
import { streams, type StreamName } from 'fasten/core'
import type { ShownSource } from '../ingest/sources/list-sources.ts'
import { sourceKinds, type SourceKind } from '../ingest/sources/source.ts'
import { oneOf, severalOf, wholeNumber } from './arguments.ts'
import { fleetClient } from './fleet-client.ts'
import { tableLines } from './table-lines.ts'

interface SourcesPage {
  readonly sources: readonly ShownSource[]
  readonly next?: string
}

type Variables = Readonly<Record<string, string | undefined>>

interface PullOptions {
  readonly url?: string
  readonly form?: 'fasten' | 'published'
  readonly stream?: readonly StreamName[]
  readonly every?: number
  readonly rowsPerSecond?: number
  readonly timeout?: number
}

interface AddOptions extends PullOptions {
  readonly service: string
  readonly stamp?: string
  readonly tenant?: readonly string[]
  readonly silentAfter?: number
}

interface ChangeOptions extends PullOptions {
  readonly name?: string
  readonly pause?: boolean
  readonly resume?: boolean
  readonly silentAfter?: number
}

/** `fleet sources`: services without a shipper of ours whose rows the fleet takes. */
export function sourcesCommand(program: Command, env: Variables): void {
  const sources = program
    .command('sources')
    .description('services without a shipper whose rows the fleet takes (FLEET_URL, FLEET_TOKEN)')
    .option('--json', 'as JSON, with all that is known')
    .option('--removed', 'those that were removed, too')
    .action(async ({ json, removed = false }: { readonly json?: boolean; readonly removed?: boolean }) => {
      const client = fleetClient(env)
      const found: ShownSource[] = []
      for (let after: string | undefined = ''; after !== undefined;) {
        const more: string = after === '' ? '' : `&after=${encodeURIComponent(after)}`
        const page = (await client.ask('GET', `/api/v1/sources?removed=${removed}${more}`)) as SourcesPage
        found.push(...page.sources)
        after = page.next
      }
      const lines =
        json === true
          ? [JSON.stringify({ sources: found })]
          : found.length === 0
            ? ['no sources']
            : sourceLines(found)
      process.stdout.write(`${lines.join('\n')}\n`)
    })

  pullOptions(
    sources
      .command('add')
      .description('take rows of a service; FLEET_SOURCE_TOKEN is what the fleet asks a reader with')
      .argument('<kind>', `how they come: ${sourceKinds.join(', ')}`, oneOf(sourceKinds))
      .argument('<name>', 'what it is called here')
      .requiredOption('--service <id>', 'the service in the names of its logs')
      .option('--stamp <tenant>', 'written on each of its rows, whatever that says; _ for none')
      .option('--tenant <tenant...>', 'what its rows may say they are of; default: all that is yours')
      .option(
        '--silent-after <seconds>',
        'without a row for so long, it is an alarm',
        wholeNumber(1, 31_622_400),
      ),
  ).action(async (kind: SourceKind, name: string, options: AddOptions) => {
    const { service, stamp, tenant, silentAfter } = options
    const token = env['FLEET_SOURCE_TOKEN']
    const made = (await fleetClient(env).ask('POST', '/api/v1/sources', {
      kind,
      name,
      service_id: service,
      ...(stamp === undefined ? {} : { stamp }),
      ...(tenant === undefined ? {} : { tenants: tenant }),
      ...(silentAfter === undefined ? {} : { silent_after_s: silentAfter }),
      ...(kind === 'pull' ? { pull: pullOf(options), ...(token === undefined ? {} : { token }) } : {}),
    })) as ShownSource & { readonly credential?: string }
    process.stdout.write(`${made.credential ?? made.source_id}\n`)
    if (made.credential !== undefined)
      process.stderr.write(`source ${made.source_id}; the credential is not shown again\n`)
  })

  pullOptions(
    sources
      .command('change')
      .description('change what is given; FLEET_SOURCE_TOKEN takes the place of the token that is kept')
      .argument('<source_id>', 'as the list shows it')
      .option('--name <name>', 'what it is called here')
      .option('--pause', 'take nothing of it')
      .option('--resume', 'take its rows again')
      .option(
        '--silent-after <seconds>',
        'without a row for so long, it is an alarm',
        wholeNumber(1, 31_622_400),
      ),
  ).action(async (sourceId: string, options: ChangeOptions) => {
    const { name, pause, resume, silentAfter } = options
    const token = env['FLEET_SOURCE_TOKEN']
    const pull = pullOf(options)
    const changed = (await fleetClient(env).ask('PATCH', pathOf(sourceId), {
      ...(name === undefined ? {} : { name }),
      ...(pause === true ? { paused: true } : resume === true ? { paused: false } : {}),
      ...(silentAfter === undefined ? {} : { silent_after_s: silentAfter }),
      ...(Object.keys(pull).length === 0 ? {} : { pull }),
      ...(token === undefined ? {} : { token }),
    })) as ShownSource
    process.stdout.write(`${sourceLines([changed]).join('\n')}\n`)
  })

  sources
    .command('remove')
    .description('take nothing of it from now on; what it sent stays')
    .argument('<source_id>', 'as the list shows it')
    .action(async (sourceId: string) => {
      await fleetClient(env).ask('DELETE', pathOf(sourceId))
      process.stdout.write(`${sourceId} is removed\n`)
    })
  sources
    .command('credential')
    .description('print a new credential of a source that sends; the one before ends when it is used')
    .argument('<source_id>', 'as the list shows it')
    .option('--revoke', 'end all it has instead')
    .action(async (sourceId: string, { revoke }: { readonly revoke?: boolean }) => {
      const client = fleetClient(env)
      const path = `${pathOf(sourceId)}/credential`
      if (revoke === true) {
        await client.ask('DELETE', path)
        process.stdout.write(`${sourceId} has no credential\n`)
        return
      }
      const { credential } = (await client.ask('POST', path, {})) as { readonly credential: string }
      process.stdout.write(`${credential}\n`)
    })
}

const pathOf = (sourceId: string): string => `/api/v1/sources/${encodeURIComponent(sourceId)}`

function pullOptions(command: Command): Command {
  return command
    .option('--url <url>', 'pull: where the endpoints of its reader are')
    .option(
      '--form <form>',
      'pull: fasten, or published for the published SDKs',
      oneOf(['fasten', 'published']),
    )
    .option('--stream <stream>', 'pull: audit, sys or api; repeatable; default: all', severalOf(streams))
    .option('--every <seconds>', 'pull: between two looks', wholeNumber(1, 86_400))
    .option('--rows-per-second <rows>', 'pull: at most', wholeNumber(1, 100_000))
    .option('--timeout <seconds>', 'pull: for one answer', wholeNumber(1, 300))
}

function pullOf({
  url,
  form,
  stream,
  every,
  rowsPerSecond,
  timeout,
}: PullOptions): Readonly<Record<string, unknown>> {
  return {
    ...(url === undefined ? {} : { url }),
    ...(form === undefined ? {} : { form }),
    ...(stream === undefined ? {} : { streams: stream }),
    ...(every === undefined ? {} : { every_s: every }),
    ...(rowsPerSecond === undefined ? {} : { rows_per_s: rowsPerSecond }),
    ...(timeout === undefined ? {} : { timeout_s: timeout }),
  }
}

const columns = [
  'source',
  'kind',
  'service',
  'tenants',
  'state',
  'proven',
  'rows',
  'evidence',
  'last row',
  'last error',
  'alarms',
  'id',
]

function sourceLines(sources: readonly ShownSource[]): readonly string[] {
  return tableLines(
    columns,
    sources.map((source) => [
      source.name,
      source.kind,
      source.service_id,
      source.stamp ?? (source.tenants === 'all' ? 'all' : source.tenants.join(',')),
      source.state,
      source.proven,
      source.rows,
      source.rows_refused + source.rows_changed,
      source.last_row_at,
      source.failing_since === null ? null : source.last_error,
      source.alarms.length === 0 ? null : source.alarms.join(','),
      source.source_id,
    ]),
  )
}
