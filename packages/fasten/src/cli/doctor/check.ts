// SPDX-License-Identifier: Apache-2.0
import { FastenError } from '../../core/error.ts'

export interface Finding {
  /** `skip` is neither passed nor failed: it could not be asked, or was not to be. */
  readonly status: 'ok' | 'warn' | 'fail' | 'skip'
  /** One line, without secrets. */
  readonly message: string
  /** What to do about it. */
  readonly hint?: string
  /** The same as data, for `--json`. */
  readonly detail?: Readonly<Record<string, unknown>>
}

export interface CheckResult extends Finding {
  readonly name: string
}

export interface Check {
  /** At most 13 characters, so that messages stand in a column. */
  readonly name: string
  run(): Promise<Finding> | Finding
}

/** The findings of the checks in order, each as soon as it is known. A check that throws has failed; the others go on. */
export async function* runChecks(checks: readonly Check[]): AsyncGenerator<CheckResult> {
  for (const { name, run } of checks) yield { name, ...(await findingOf(run)) }
}

async function findingOf(run: Check['run']): Promise<Finding> {
  try {
    return await run()
  } catch (error) {
    if (!(error instanceof FastenError))
      return { status: 'fail', message: error instanceof Error ? error.message : String(error) }
    const place = error.at === undefined ? '' : ` (${error.at})`
    return {
      status: 'fail',
      message: `${error.message}${place}`,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
      detail: { code: error.code },
    }
  }
}

export const ok = (message: string, detail?: Finding['detail']): Finding => finding('ok', message, { detail })
export const skip = (message: string): Finding => finding('skip', message, {})
export const warn = (message: string, about: About = {}): Finding => finding('warn', message, about)
export const fail = (message: string, about: About = {}): Finding => finding('fail', message, about)

interface About {
  readonly hint?: string | undefined
  readonly detail?: Finding['detail'] | undefined
}

function finding(status: Finding['status'], message: string, { hint, detail }: About): Finding {
  return {
    status,
    message,
    ...(hint === undefined ? {} : { hint }),
    ...(detail === undefined ? {} : { detail }),
  }
}
