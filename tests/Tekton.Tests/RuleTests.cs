namespace Tekton.Tests;

/// <summary>
/// The rules by which Tekton and this catalog judge a YAML file, each on every file, and each on one that breaks it: a rule that never
/// finds anything is none.
/// </summary>
public sealed class RuleTests
{
    private const string Task = "tasks/customize-disk/customize-disk.yaml";
    private const string Pipeline = "pipelines/build-golden-image/build-golden-image.yaml";
    private const string TaskRun = "tasks/customize-disk/samples/inline.yaml";
    private const string PipelineRun = "pipelines/build-golden-image/samples/cluster-level.yaml";

    public static TheoryData<string> Files => [.. Catalog.TaskFiles, .. Catalog.PipelineFiles, .. Catalog.SampleFiles];

    [Theory]
    [MemberData(nameof(Files))]
    public void Every_file_keeps_the_rules(string path) => Assert.Equal("", string.Join('\n', Check(YamlFile.Read(path))));

    [SkippableTheory]
    [MemberData(nameof(Files))]
    public void Every_file_has_only_fields_that_its_kind_has(string path) => Assert.Equal("", string.Join('\n', SchemaMistakes(YamlFile.Read(path))));

    [Fact]
    public void Every_step_has_its_task_and_every_task_its_samples()
    {
        var steps = YamlFile.Find("src/Steps", @"/Program\.cs$").Select(file => Path.GetFileName(Path.GetDirectoryName(file)!)).ToList();
        Assert.Equal(steps.Order(StringComparer.Ordinal), Catalog.Tasks.Keys.Select(name => name.Replace("-", "", StringComparison.Ordinal)).Order(StringComparer.Ordinal), StringComparer.OrdinalIgnoreCase);
        foreach (var folder in Catalog.TaskFiles.Concat(Catalog.PipelineFiles).Select(file => Path.GetDirectoryName(file)!))
        {
            Assert.Contains(Catalog.SampleFiles, sample => sample.StartsWith($"{folder}/samples/", StringComparison.Ordinal));
            Assert.True(File.Exists(Path.Combine(Lab.Repository.Root, folder, "README.md")), $"{folder} has no README.md");
        }
    }

    [SkippableFact]
    public void Runs_in_the_examples_fit_what_they_run()
    {
        var runs = YamlFile.Find("docs/examples", @"\.yaml$").SelectMany(path => YamlFile.Read(path).Documents.Select(run => (Path: path, Run: run)))
            .Where(one => one.Run.Text("kind") == "PipelineRun").ToList();
        Assert.NotEmpty(runs);
        Assert.Equal("", string.Join('\n', runs.SelectMany(one => Catalog.Schema("PipelineRun").Mistakes(one.Run)
            .Concat(PipelineRules.Given(one.Path, Catalog.Pipelines[one.Run.Text("spec/pipelineRef/name")].Content, one.Run["spec"]!.AsObject())))));
    }

    [Theory]
    [InlineData("tekton.dev/v1\"", "tekton.dev/v1beta1\"", "1: it is not a Task")]
    [InlineData("  name: \"customize-disk\"\n  labels", "  name: \"customize_disk\"\n  labels", "1: its name")]
    [InlineData("      default: \"false\"", "      default: false", "4: the default of param network is not of its type")]
    [InlineData("  name: \"customize-disk\"\n  labels", "  name: customize-disk\n  labels", "1: 'customize-disk' has no quotes")]
    [InlineData("      image: \"golden-image-tasks/guest-steps:main\"\n", "      ref: {name: \"x\"}\n", "2: a step has an image")]
    [InlineData("    - name: \"customize-disk\"\n      image", "    - name: \"Customize\"\n      image", "2: step name 'Customize'")]
    [InlineData("mountPath: \"/volume\"", "mountPath: \"/tekton/results\"", "3: /tekton/results is Tekton's")]
    [InlineData("mountPath: \"/volume\"", "mountPath: \"/workspace/customization\"", "3: two things are mounted at /workspace/customization")]
    [InlineData("    - name: \"disk\"\n      persistent", "    - name: \"tmp\"\n      persistent", "3: volume or workspace tmp stands twice")]
    [InlineData("    - name: \"disk\"\n      persistent", "    - name: \"disc\"\n      persistent", "3: volume disk is not declared")]
    [InlineData("    - name: \"seal\"", "    - name: \"commands\"", "4: param commands is declared twice")]
    [InlineData("    - name: \"seal\"\n      type: \"string\"", "    - name: \"seal\"\n      type: \"string\"\n      enum: [\"true\"]", "4: param seal has an enum")]
    [InlineData("    - name: \"seal\"\n      type: \"string\"", "    - name: \"seal\"\n      type: \"bool\"", "4: param seal has type")]
    [InlineData("      default: \"raw\"\n", "", "11: the description of param disk-format")]
    [InlineData("      default: \"1280Mi\"\n", "", "4: required param memory stands after optional ones")]
    [InlineData("$(params.commands)", "$(params.command)", "5: $(params.command) leads nowhere")]
    [InlineData("$(results.os.path)", "/dev/null", "5: results.os.path is declared and not used")]
    [InlineData("$(workspaces.customization.path)", "$(workspaces.content.path)", "5: $(workspaces.content.path) leads nowhere")]
    [InlineData("memory: \"1730Mi\"\n        limits", "memory: \"$(params.memory)\"\n        limits", "5: nothing is replaced in /steps/0/computeResources")]
    [InlineData("    - name: \"commands\"\n      type: \"string\"", "    - name: \"commands\"\n      type: \"array\"", "6: array commands must be a whole argument")]
    [InlineData("version: \"0.1.0\"", "version: \"0.0.9\"", "11: the version label")]
    [InlineData("    tekton.dev/platforms: \"linux/amd64\"\n", "", "11: annotation tekton.dev/platforms")]
    [InlineData("      description: >-\n        What was done, in one line.\n", "", "11: summary of results has no description")]
    [InlineData("      command: [\"/app/steps/customize-disk/customize-disk\"]\n", "", "12: the command is not the Task's step")]
    [InlineData("      command: [\"/app/steps/customize-disk/customize-disk\"]\n", "      script: \"echo\"\n", "12: a script")]
    [InlineData("guest-steps:main", "guest-steps:latest", "12: image")]
    [InlineData("        runAsNonRoot: true\n", "", "12: securityContext.runAsNonRoot")]
    [InlineData("        runAsNonRoot: true\n", "        runAsNonRoot: true\n        runAsUser: 107\n", "12: securityContext.runAsNonRoot")]
    [InlineData("allowPrivilegeEscalation: false", "allowPrivilegeEscalation: true", "12: securityContext.allowPrivilegeEscalation")]
    [InlineData("drop: [\"ALL\"]", "drop: [\"NET_RAW\"]", "12: securityContext.capabilities")]
    [InlineData("type: \"RuntimeDefault\"", "type: \"Unconfined\"", "12: securityContext.seccompProfile")]
    [InlineData("        readOnlyRootFilesystem: true\n", "", "12: the root file system")]
    [InlineData("      emptyDir: {}", "      hostPath: {path: \"/tmp\"}", "12: volume tmp is a hostPath")]
    [InlineData("        - name: \"HOME\"\n          value: \"/tmp\"", "        - name: \"HOME\"\n          value: \"/root\"", "12: HOME and TMPDIR")]
    [InlineData("        limits:\n          memory: \"1730Mi\"\n", "", "12: a guest step asks for no memory")]
    [InlineData("      optional: true\n      readOnly: true\n", "    - name: \"second\"\n", "13: two workspaces")]
    public void A_broken_task_is_caught(string right, string wrong, string finding) => Breaks(Task, right, wrong, finding);

    [Theory]
    [InlineData("      runAfter: [\"clone\"]", "      runAfter: [\"clones\"]", "7: customize runs after clones")]
    [InlineData("      runAfter: [\"clone\"]", "      runAfter: [\"publish\"]", "7: customize, check, push, publish wait for each other")]
    [InlineData("    - name: \"push\"\n      taskRef", "    - name: \"check\"\n      taskRef", "7: task name 'check'")]
    [InlineData("      taskRef:\n        kind: \"Task\"\n        name: \"seal-volume\"\n", "", "7: check has not exactly one")]
    [InlineData("          value: \"$(params.source-name)\"", "          value: \"$(param.source-name)\"", "7: $(param.source-name) begins with no prefix")]
    [InlineData("$(params.max-age)", "$(params.max_age)", "5: $(params.max_age) is not declared")]
    [InlineData("$(params.max-age)", "7d", "5: max-age is declared and not used")]
    [InlineData("$(context.pipelineRun.uid)", "$(context.pipelineRun.id)", "5: $(context.pipelineRun.id) is not known")]
    [InlineData("          value: \"$(tasks.plan.results.build-key)\"", "          value: \"$(tasks.clone.status)\"", "8: $(tasks.clone.status) is known in finally only")]
    [InlineData("        name: \"discard-volume\"\n", "        name: \"discard-volume\"\n      runAfter: [\"plan\"]\n", "8: discard is of finally")]
    [InlineData("        name: \"customize-disk\"\n", "        name: \"customize-disk\"\n      retries: 1\n", "8: customize edits a guest")]
    [InlineData("        name: \"clone-source\"\n", "        name: \"clone-source\"\n      retries: 1\n      onError: \"continue\"\n", "8: clone goes on after an error")]
    [InlineData("          operator: \"notin\"\n          values: [\"\"]", "          operator: \"not\"\n          values: [\"\"]", "9: push has a when")]
    [InlineData("          operator: \"notin\"\n          values: [\"\"]", "          operator: \"notin\"\n          values: []", "9: push has a when")]
    [InlineData("$(tasks.plan.results.build-inputs)", "$(tasks.plan.results.inputs)", "10: $(tasks.plan.results.inputs) leads nowhere")]
    [InlineData("$(tasks.push.results.IMAGE_URL)", "$(tasks.push.results.url)", "10: result IMAGE_URL leads nowhere")]
    [InlineData("        name: \"seal-volume\"\n", "        name: \"seal-volumes\"\n", "10: check names a Task that is not here")]
    [InlineData("        - name: \"keep\"\n", "        - name: \"keeps\"\n", "10b: publish gives param keeps")]
    [InlineData("        - name: \"target-name\"\n          value: \"$(context.pipelineRun.name)-work\"\n", "", "10: clone gives no target-name")]
    [InlineData("          value: \"Filesystem\"", "          value: [\"Filesystem\"]", "10: clone gives volume-mode in another type")]
    [InlineData("          workspace: \"ca\"", "          workspace: \"authorities\"", "10: push takes workspace authorities")]
    [InlineData("        - name: \"ca\"\n          workspace", "        - name: \"cas\"\n          workspace", "10: push binds workspace cas")]
    [InlineData("      timeout: \"30m0s\"\n", "", "13: check has no timeout")]
    [InlineData("          value: \"25m\"", "          value: \"30m\"", "13: the step's own deadline of check")]
    public void A_broken_pipeline_is_caught(string right, string wrong, string finding) => Breaks(Pipeline, right, wrong, finding);

    [Theory]
    [InlineData(TaskRun, "    - name: \"volume-name\"\n      value: \"debian12-work\"\n", "", "10: it gives no volume-name")]
    [InlineData(TaskRun, "    - name: \"memory\"", "    - name: \"memoryy\"", "10b: it gives param memoryy")]
    [InlineData(TaskRun, "    name: \"customize-disk\"", "    name: \"seal-volume\"", "10: 'seal-volume' is not what lies beside the sample")]
    [InlineData(TaskRun, "  timeout: \"1h0m0s\"\n", "", "14: it has no timeout")]
    [InlineData(TaskRun, "  timeout: \"1h0m0s\"\n", "  timeout: \"50m0s\"\n", "14: the step's own deadline")]
    [InlineData(TaskRun, "      fsGroup: 107", "      runAsNonRoot: true", "14: it mounts a volume, and has no fsGroup")]
    [InlineData(TaskRun, "  taskRef:", "  serviceAccountName: \"admin\"\n  taskRef:", "14: customize-disk runs as 'admin'")]
    [InlineData(PipelineRun, "        fsGroup: 107", "        runAsNonRoot: true", "14: it has no fsGroup")]
    [InlineData(PipelineRun, "    tasks: \"8h30m0s\"", "    tasks: \"9h0m0s\"", "14: its timeouts")]
    [InlineData(PipelineRun, "    tasks: \"8h30m0s\"", "    tasks: \"1h0m0s\"", "14: its timeouts")]
    [InlineData(PipelineRun, "pipelineTaskName: \"plan\"", "pipelineTaskName: \"plans\"", "14: taskRunSpecs names plans")]
    [InlineData(PipelineRun, "serviceAccountName: \"plan-build\"", "serviceAccountName: \"planner\"", "14: plan-build runs as 'planner'")]
    [InlineData(PipelineRun, "    - name: \"customization\"", "    - name: \"content\"", "10: it binds workspace content")]
    [InlineData(PipelineRun, "      configMap:\n        name: \"debian12-corp\"", "      emptyDir: {}", "14: workspace customization is bound to no ConfigMap")]
    public void A_broken_sample_is_caught(string path, string right, string wrong, string finding) => Breaks(path, right, wrong, finding);

    [SkippableTheory]
    [InlineData(Task, "  description: >-\n    Customizes", "  desciption: >-\n    Customizes", "/spec/desciption: there is no such field")]
    [InlineData(Task, "      optional: true", "      optional: \"true\"", "/spec/workspaces/0/optional: it is not of type boolean")]
    [InlineData(Task, "      args:\n", "      arguments:\n", "/spec/steps/0/arguments: there is no such field")]
    [InlineData(Pipeline, "      runAfter: [\"clone\"]", "      runAfter: \"clone\"", "/spec/tasks/2/runAfter: it is not of type array")]
    [InlineData(PipelineRun, "  taskRunTemplate:", "  taskTemplate:", "/spec/taskTemplate: there is no such field")]
    [InlineData(TaskRun, "  timeout:", "  timeouts:", "/spec/timeouts: there is no such field")]
    public void A_field_that_the_kind_has_not_is_caught(string path, string right, string wrong, string finding) =>
        Assert.Contains(finding, SchemaMistakes(Change(path, right, wrong)));

    [Fact]
    public void A_second_document_in_a_file_is_caught()
    {
        var file = YamlFile.Read(Task);
        Assert.Contains("1: 2 documents in one file", Check(YamlFile.Parse(Task, $"{file.Text}---\n{file.Text}")));
    }

    private static IReadOnlyList<string> Check(YamlFile file) => file.Path switch
    {
        var path when path.Contains("/samples/", StringComparison.Ordinal) => RunRules.Check(file),
        var path when path.StartsWith("tasks/", StringComparison.Ordinal) => TaskRules.Check(file),
        _ => PipelineRules.Check(file),
    };

    private static IEnumerable<string> SchemaMistakes(YamlFile file) => Catalog.Schema(file.Content.Text("kind")).Mistakes(file.Content);

    private static void Breaks(string path, string right, string wrong, string finding)
    {
        var findings = Check(Change(path, right, wrong));
        Assert.True(findings.Any(one => one.StartsWith(finding, StringComparison.Ordinal)), $"'{finding}' is not among:\n{string.Join('\n', findings)}");
    }

    // The first place only: a change must be a small one.
    private static YamlFile Change(string path, string right, string wrong)
    {
        var text = YamlFile.Read(path).Text;
        var place = text.IndexOf(right, StringComparison.Ordinal);
        Assert.True(place >= 0, $"{path} has no '{right}' any more");
        return YamlFile.Parse(path, string.Concat(text.AsSpan(0, place), wrong, text.AsSpan(place + right.Length)));
    }
}
