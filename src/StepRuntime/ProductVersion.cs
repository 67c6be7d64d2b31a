using System.Reflection;

namespace StepRuntime;

/// <summary>The product's version, as the build wrote it into the executable.</summary>
public static class ProductVersion
{
    /// <summary>For example <c>0.1.0</c>, with the commit after a plus sign where the build knew it.</summary>
    public static string Text =>
        typeof(ProductVersion).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0.0.0";
}
