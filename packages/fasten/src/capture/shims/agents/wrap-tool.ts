// SPDX-License-Identifier: Apache-2.0
import type { AgentRecorder, OpenTool, ToolCall } from './recorder.ts'
import { checkedPolicy, type ValuePolicy } from './recorded-value.ts'
import { whenDone } from './when-done.ts'

export interface ToolOptions {
  /** What a row keeps of the arguments. Default `hash`. */
  readonly args?: ValuePolicy
  /** What a row keeps of the result. Default `hash`. */
  readonly result?: ValuePolicy
  /** How dangerous the application takes it to be, in its own words. Default `unrated`. */
  readonly risk?: string
}

/**
 * `tool(name, fn, options)`: a function that does what `fn` does, with the same `this`, arguments, result, name and length, and leaves a row TOOL_CALLED or
 * TOOL_FAILED for each call when it has ended. Rows made by `fn` name that row as their cause. What a function answers in parts (an async generator) is
 * passed on part by part; its row comes when it ends or is given up.
 */
export type ToolWrapper = <Fn extends (...args: never[]) => unknown>(
  name: string,
  fn: Fn,
  options?: ToolOptions,
) => Fn

/** Who records, and what holds for tools that say nothing else, is asked at each call: tools are often wrapped before anything is configured. */
export function createToolWrapper(
  about: () => { recorder: AgentRecorder; defaults: ToolOptions },
): ToolWrapper {
  return (name, fn, options = {}) => {
    if (typeof name !== 'string' || name === '')
      throw new TypeError('tool() takes the name of the tool first')
    if (typeof fn !== 'function') throw new TypeError(`tool("${name}") takes the function second`)
    checkedToolOptions(options)
    function called(this: unknown, ...args: never[]): unknown {
      const { recorder, defaults } = about()
      const open = recorder.startTool({
        ...toolCallOf(name, { ...defaults, ...options }),
        args: args.length === 1 ? args[0] : args,
        isUnnamed: true,
      })
      return recordedTool(open, () => Reflect.apply(fn, this, args))
    }
    Object.defineProperty(called, 'name', { value: fn.name, configurable: true })
    Object.defineProperty(called, 'length', { value: fn.length, configurable: true })
    return called as typeof fn
  }
}

/** The part of a call that its options decide. */
export function toolCallOf(tool: string, { args = 'hash', result = 'hash', risk }: ToolOptions): ToolCall {
  return { tool, policies: { args, result }, ...(risk === undefined ? {} : { risk }) }
}

/** The options, or a TypeError that names the wrong one. */
export function checkedToolOptions(options: ToolOptions): ToolOptions {
  if (options.args !== undefined) checkedPolicy(options.args, 'args')
  if (options.result !== undefined) checkedPolicy(options.result, 'result')
  return options
}

/** Runs a tool as caused by its row, and ends the row as the tool ends. */
export function recordedTool<T>(open: OpenTool, work: () => T): T {
  let result: T
  try {
    result = open.within(work)
  } catch (error) {
    open.failed(error)
    throw error
  }
  if (isGenerator(result)) return inParts(open, result) as T
  return whenDone(
    () => result,
    (value) => open.succeeded(value),
    (error) => open.failed(error),
  )
}

/** The same generator to whoever listens; each part is made within the context of the row. */
function inParts(
  open: OpenTool,
  parts: AsyncGenerator<unknown, unknown, unknown>,
): AsyncGenerator<unknown, unknown, unknown> {
  const seen: unknown[] = []
  let yields = 0
  const settled = async (
    step: () => Promise<IteratorResult<unknown, unknown>>,
    isGivingUp: boolean,
  ): Promise<IteratorResult<unknown, unknown>> => {
    try {
      const part = await open.within(step)
      if (part.done === true) {
        const more = { yields, ...(isGivingUp ? { endedEarly: true } : {}) }
        open.succeeded(part.value === undefined ? seen : [...seen, part.value], more)
      } else {
        yields++
        seen.push(part.value)
      }
      return part
    } catch (error) {
      open.failed(error, { yields })
      throw error
    }
  }
  return {
    next: (value) => settled(() => parts.next(value), false),
    return: (value) => settled(() => parts.return(value), true),
    throw: (error) => settled(() => parts.throw(error), false),
    [Symbol.asyncIterator]() {
      return this
    },
    async [Symbol.asyncDispose]() {
      await this.return(undefined)
    },
  }
}

function isGenerator(value: unknown): value is AsyncGenerator<unknown, unknown, unknown> {
  if (typeof value !== 'object' || value === null || !(Symbol.asyncIterator in value)) return false
  const { next, return: end, throw: fail } = value as unknown as Record<string, unknown>
  return [next, end, fail].every((method) => typeof method === 'function')
}
