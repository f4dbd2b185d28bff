/** What VS Code puts into every webview. */
interface VsCodeApi {
  postMessage(message: unknown): void;
  getState(): unknown;
  setState(state: unknown): void;
}
declare function acquireVsCodeApi(): VsCodeApi;

/** The only place that talks to the extension: typed messages out and in, and the state that survives a reload. */
export interface Messenger<ToWebview, FromWebview, State> {
  post(message: FromWebview): void;
  onMessage(listener: (message: ToWebview) => void): void;
  readonly state: State | undefined;
  save(state: State): void;
}

export function connect<ToWebview, FromWebview, State = undefined>(): Messenger<ToWebview, FromWebview, State> {
  const api = acquireVsCodeApi();
  return {
    post: (message) => api.postMessage(message),
    onMessage: (listener) =>
      window.addEventListener('message', (event: MessageEvent<ToWebview>) => listener(event.data)),
    get state() {
      return api.getState() as State | undefined;
    },
    save: (state) => api.setState(state),
  };
}
