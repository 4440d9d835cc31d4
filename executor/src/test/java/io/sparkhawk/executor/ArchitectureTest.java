package io.sparkhawk.executor;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.importer.ImportOption.DoNotIncludeTests;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

@AnalyzeClasses(packages = "io.sparkhawk", importOptions = DoNotIncludeTests.class)
class ArchitectureTest {

  @ArchTest
  static final ArchRule ONLY_THE_WORKER_SEES_SPARK =
      noClasses()
          .that()
          .resideInAPackage("io.sparkhawk.executor..")
          .and()
          .resideOutsideOfPackage("io.sparkhawk.executor.worker")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("org.apache.spark..", "scala..");

  @ArchTest
  static final ArchRule ROOMS_FORM_NO_CIRCLE =
      slices().matching("io.sparkhawk.executor.(*)..").should().beFreeOfCycles();

  @ArchTest
  static final ArchRule DATA_DOES_NOT_KNOW_THE_EXECUTOR =
      noClasses()
          .that()
          .resideInAPackage("io.sparkhawk.data..")
          .should()
          .dependOnClassesThat()
          .resideInAPackage("io.sparkhawk.executor..");

  @ArchTest
  static final ArchRule ONLY_TENSORS_TOUCH_THE_NATIVE_ENGINE =
      noClasses()
          .that()
          .resideOutsideOfPackage("io.sparkhawk.executor.tensor")
          .should()
          .dependOnClassesThat()
          .resideInAPackage("ai.djl.pytorch..");

  @ArchTest
  static final ArchRule ONLY_TENSORS_AND_KERNELS_CALL_NATIVE_CODE =
      noClasses()
          .that()
          .resideOutsideOfPackages("io.sparkhawk.executor.tensor", "io.sparkhawk.executor.kernel")
          .should()
          .dependOnClassesThat()
          .resideInAPackage("com.sun.jna..");
}
