// Runs one piece of inline code. What it needs of the language is taken before
// the code can change it.
(function () {
  "use strict";
  const { parse, stringify } = JSON;
  const { hasOwn } = Object;
  const object = Object;
  const text = String;
  const AnyError = Error;
  const codes = new WeakMap();
  const setCode = codes.set.bind(codes);
  const getCode = (e) => (object(e) === e ? codes.get(e) : undefined);

  function refuse(code, message) {
    const e = new AnyError(message);
    setCode(e, code);
    throw e;
  }

  const unchangeable = () => refuse("InlineCodeCannotModifyWorkflowContext", "Cannot modify workflowContext");
  const guard = (get) => ({ get, set: unchangeable, defineProperty: unchangeable, deleteProperty: unchangeable, setPrototypeOf: unchangeable, preventExtensions: unchangeable });

  // The messages are the product's.
  const actions = guard((o, name) => {
    if (typeof name === "symbol") return undefined;
    if (hasOwn(o, name)) return o[name];
    if (name === "toJSON") return undefined;
    return refuse("InlineCodeOperationMissing", `The specified action '${name}' is not in the provided workflowContext. Try including the action by adding it to explicitDependency.actions.`);
  });
  const top = guard((o, name) => {
    if (typeof name === "symbol" || name === "toJSON") return undefined;
    if (name === "workflow" || name === "actions") return o[name];
    if (name !== "trigger")
      return refuse("InlineCodeInvalidProperty", `The specified property '${name}' is not in the provided workflowContext, only workflowContext.workflow, workflowContext.actions and workflowContext.trigger are accessible.`);
    if (o.trigger === undefined)
      return refuse("InlineCodeOperationMissing", "The trigger is not in the provided workflowContext. Try including the trigger by setting the actions explicitDependency.includeTrigger input property to true.");
    return o.trigger;
  });

  function failure(code, e) {
    let name = "", message = "", stack = "";
    try {
      name = text(e.name);
      message = text(e.message);
      stack = text(e.stack);
    } catch { /* something was thrown that is no error */ }
    if (!(e instanceof AnyError)) {
      name = "";
      try { message = text(e); } catch { message = "a value that has no text was thrown"; }
    }
    return stringify({ code, name, message, stack });
  }

  const runtime = "InlineCodeScriptRuntimeFailure";

  function success(result) {
    try {
      const body = stringify(result);
      return stringify({ body: body === undefined ? "null" : body });
    } catch (e) {
      return failure(getCode(e) || runtime, e);
    }
  }

  let settled;

  function run(code, contextText) {
    let body;
    try {
      body = new Function("workflowContext", code);
    } catch (e) {
      return failure("InlineCodeParsingFailure", e);
    }
    const context = parse(contextText);
    context.actions = new Proxy(context.actions, actions);
    try {
      const result = body(new Proxy(context, top));
      if (!(result instanceof Promise)) return success(result);
      settled = failure(runtime, new AnyError("The promise that the code returned is never settled."));
      result.then((v) => { settled = success(v); }, (e) => { settled = failure(getCode(e) || runtime, e); });
      return "";
    } catch (e) {
      return failure(getCode(e) || runtime, e);
    }
  }

  const silent = () => undefined;
  const log = {};
  for (const name of ["assert", "clear", "count", "debug", "dir", "error", "group", "groupEnd", "info", "log", "table", "time", "timeEnd", "timeLog", "trace", "warn"]) log[name] = silent;
  globalThis.console = log;

  return (code, context) => (code === undefined ? settled : run(code, context));
})()
