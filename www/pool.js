// One more thread for the search program: joins the memory of worker.js's module and works there until that one ends.
addEventListener('message', async ({ data: { bindings, module, memory, index } }) => {
  const { initSync, work } = await import(bindings);
  initSync({ module, memory, thread_stack_size: 1 << 18 });
  work(index);
});
