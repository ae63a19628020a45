// SPDX-License-Identifier: Apache-2.0
import { currentContext, runWithContext, type RequestContext } from '../../../context.ts'
import { mintID } from '../../../request-id.ts'
import type { Agents } from '../agents.ts'
import { defaultAgents } from '../default-agents.ts'
import type { OpenModel, OpenTool } from '../recorder.ts'
import { toolCallOf, type ToolOptions } from '../wrap-tool.ts'
import { answerIn, memberOf, modelIn, nameIn, parsed } from './told.ts'
import { forgetOpenTool, noteOpenTool } from './tool-context.ts'

export interface LangChainOptions {
  /** Whose recorder and defaults hold. Default: those of the process (`configureAgents`), asked at each call. */
  readonly agents?: Agents
  /** What is said and kept of each tool, over the defaults of `agents`. */
  readonly tools?: ToolOptions | ((tool: string) => ToolOptions)
  /** The actor of the rows. Default: the agent at work, or that of `agents`. */
  readonly agent?: string
}

/** What LangChain takes as a handler, as far as it is implemented: `callbacks: [handler]`. */
export interface LangChainHandler {
  readonly name: string
  /** LangChain waits for it, or calls would be told from a queue, outside of their requests. */
  readonly awaitHandlers: true
  handleLLMStart(llm: object, prompts: string[], ...rest: ModelStart): void
  handleChatModelStart(llm: object, messages: object[][], ...rest: ModelStart): void
  handleLLMNewToken(token: string, index: object, runId: string): void
  handleLLMEnd(output: object, runId: string): void
  handleLLMError(error: unknown, runId: string): void
  handleChainStart(
    chain: object,
    inputs: object,
    runId: string,
    runType?: string,
    tags?: string[],
    metadata?: object,
    runName?: string,
    parentRunId?: string,
  ): void
  handleChainEnd(outputs: object, runId: string): void
  handleChainError(error: unknown, runId: string): void
  handleToolStart(
    tool: object,
    input: string,
    runId: string,
    parentRunId?: string,
    tags?: string[],
    metadata?: object,
    runName?: string,
    toolCallId?: string,
  ): void
  handleToolEnd(output: unknown, runId: string): void
  handleToolError(error: unknown, runId: string): void
  handleRetrieverStart(
    retriever: object,
    query: string,
    runId: string,
    parentRunId?: string,
    tags?: string[],
    metadata?: object,
    runName?: string,
  ): void
  handleRetrieverEnd(documents: object[], runId: string): void
  handleRetrieverError(error: unknown, runId: string): void
}

type ModelStart = [
  runId: string,
  parentRunId?: string,
  extraParams?: object,
  tags?: string[],
  metadata?: object,
  runName?: string,
]

interface Run {
  /** Where it began: the request's, or one that its outermost run minted. */
  readonly context: RequestContext
  /** The row that what happens in it is caused by. */
  readonly cause: string | undefined
  readonly model?: OpenModel
  readonly tool?: OpenTool
}

/** Runs that are remembered at once; LangChain says of each that it ended, unless a stream is left unread. */
const runsMax = 10_000

/**
 * A handler that leaves rows of models, tools and retrievers, each caused by the run around it. Hand it to the outermost call, `chain.invoke(input, { callbacks:
 * [handler] })`, and LangChain hands it on. Tokens of streams are not kept. One handler serves any number of calls at once.
 */
export function createCallbackHandler(options: LangChainOptions = {}): LangChainHandler {
  const agents = (): Agents => options.agents ?? defaultAgents()
  const runs = new Map<string, Run>()
  const byAgent = options.agent === undefined ? {} : { agent: options.agent }

  function begin(
    runId: string,
    parentRunId: string | undefined,
    open: (about: { readonly causedBy?: string }) => Pick<Run, 'model' | 'tool'>,
  ): void {
    const parent = parentRunId === undefined ? undefined : runs.get(parentRunId)
    const context = currentContext() ?? parent?.context ?? { request_id: mintID() }
    const about = parent?.cause === undefined ? {} : { causedBy: parent.cause }
    const opened = runWithContext(context, () => open(about))
    if (runs.size >= runsMax) for (const oldest of runs.keys().take(1)) runs.delete(oldest)
    runs.set(runId, { context, cause: opened.tool?.id ?? opened.model?.id ?? parent?.cause, ...opened })
  }

  function end(runId: string, how: (run: Run) => void): void {
    const run = runs.get(runId)
    runs.delete(runId)
    forgetOpenTool(runId)
    if (run !== undefined) how(run)
  }

  function beginModel(
    llm: object,
    [runId, parentRunId, extra, , metadata]: ModelStart,
    operation: string,
  ): void {
    begin(runId, parentRunId, (about) => ({
      model: agents().recorder.startModel({
        ...about,
        ...byAgent,
        ...modelIn(llm, extra, metadata),
        operation,
      }),
    }))
  }

  function beginTool(
    runId: string,
    parentRunId: string | undefined,
    tool: string,
    args: unknown,
    callRef?: string,
  ): void {
    const { tools = {} } = options
    const said = typeof tools === 'function' ? tools(tool) : tools
    begin(runId, parentRunId, (about) => {
      const { recorder, toolDefaults } = agents()
      // The model call that asked for it is the cause, where that is known; the recorder sees to it.
      const isAsked = callRef !== undefined && recorder.askedFor(callRef) !== undefined
      const open = recorder.startTool({
        ...toolCallOf(tool, { ...toolDefaults, ...said }),
        ...byAgent,
        args,
        ...(callRef === undefined ? { isUnnamed: true } : { callRef }),
        ...(isAsked ? {} : about),
      })
      noteOpenTool(runId, open)
      return { tool: open }
    })
  }

  const failed = (error: unknown, runId: string): void =>
    end(runId, ({ model, tool }) => {
      model?.failed(error)
      tool?.failed(error)
    })

  return {
    name: 'fasten',
    awaitHandlers: true,
    handleLLMStart: (llm, _prompts, ...rest) => beginModel(llm, rest, 'completion'),
    handleChatModelStart: (llm, _messages, ...rest) => beginModel(llm, rest, 'chat'),
    handleLLMNewToken: (_token, _index, runId) => runs.get(runId)?.model?.firstOutput(),
    handleLLMEnd: (output, runId) =>
      end(runId, ({ model }) => {
        const { calls, ...facts } = answerIn(output)
        for (const { id, name, args } of calls) model?.asked(id, name, args)
        model?.succeeded(facts)
      }),
    handleLLMError: failed,
    handleChainStart: (_chain, _inputs, runId, _type, _tags, _metadata, _name, parentRunId) =>
      begin(runId, parentRunId, () => ({})),
    handleChainEnd: (_outputs, runId) => end(runId, () => {}),
    handleChainError: failed,
    handleToolStart: (tool, input, runId, parentRunId, _tags, _metadata, runName, toolCallId) =>
      beginTool(runId, parentRunId, nameIn(tool, runName), parsed(input), toolCallId),
    handleToolEnd: (output, runId) =>
      end(runId, ({ tool }) => {
        // A tool that is called by a model answers with a message, which may say that it failed.
        const content = memberOf(output, 'content')
        if (memberOf(output, 'status') === 'error') tool?.failed(new LangChainToolError(String(content)))
        else tool?.succeeded(content ?? output)
      }),
    handleToolError: failed,
    handleRetrieverStart: (retriever, query, runId, parentRunId, _tags, _metadata, runName) =>
      beginTool(runId, parentRunId, nameIn(retriever, runName), query),
    handleRetrieverEnd: (documents, runId) => end(runId, ({ tool }) => tool?.succeeded(documents)),
    handleRetrieverError: failed,
  }
}

class LangChainToolError extends Error {
  override readonly name = 'LangChainToolError'
}
